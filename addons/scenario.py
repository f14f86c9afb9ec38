"""Play the rules of a scenario: a built-in one by name, or a file.

mitmdump -s addons/scenario.py --set faultlab_scenario=rate-limit --set faultlab_seed=7
"""

from faultlab.proxy.script import inject_scenario

addons = inject_scenario()
