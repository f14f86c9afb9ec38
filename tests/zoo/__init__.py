"""Writers to judge the judges by: one that is right in everything, and others that are wrong in one way each."""
