// Writes the manifest with influx, the client of InfluxDB 1, and its defaults, one awaited write a tick.
import { InfluxDB } from 'influx'
import { BUCKET, TOKEN, URL_, call, ticks } from '../driving.mjs'

const where = new URL(URL_)
const client = new InfluxDB({
  host: where.hostname,
  port: Number(where.port),
  protocol: where.protocol.slice(0, -1),
  username: 'faultlab',
  password: TOKEN,
  database: BUCKET,
})
for (const lines of ticks()) await call(lines, () => client.writePoints(lines.map(point), { precision: 'n' }))

/** Give a line as the client's own point: it takes no line protocol. The manifest has no escapes, and floats only. */
function point(line) {
  const [series, fields, timestamp] = line.split(' ')
  const [measurement, ...tags] = series.split(',')
  const pairs = fields.split(',').map((pair) => pair.split('='))
  return {
    measurement,
    tags: Object.fromEntries(tags.map((tag) => tag.split('='))),
    fields: Object.fromEntries(pairs.map(([key, value]) => [key, Number(value)])),
    timestamp,
  }
}
