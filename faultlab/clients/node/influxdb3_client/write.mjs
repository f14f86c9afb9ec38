// Writes the manifest with @influxdata/influxdb3-client and its defaults, one awaited write a tick.
import { InfluxDBClient } from '@influxdata/influxdb3-client'
import { BUCKET, TOKEN, URL_, call, ticks } from '../driving.mjs'

const client = new InfluxDBClient({ host: URL_, token: TOKEN, database: BUCKET })
for (const lines of ticks()) await call(lines, () => client.write(lines, BUCKET))
await client.close()
