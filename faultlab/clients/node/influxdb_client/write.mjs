// Writes the manifest with @influxdata/influxdb-client and its defaults: `close` at once, `flush` each tick, or `live`
// on for as long as its own timer takes to flush. What fails is told on standard error, by the client's own logger.
import { InfluxDB } from '@influxdata/influxdb-client'
import { BUCKET, ORG, TOKEN, URL_, pause, tell, ticks } from '../driving.mjs'

const FLUSHED_WITHIN = 61_000

const api = new InfluxDB({ url: URL_, token: TOKEN }).getWriteApi(ORG, BUCKET, 'ns', {
  writeSuccess: (lines) => tell('ok', lines),
})
const mode = process.argv[2]
for (const lines of ticks()) {
  api.writeRecords(lines)
  if (mode === 'flush') await api.flush().catch((problem) => tell('failed', lines, problem))
}
if (mode === 'live') await pause(FLUSHED_WITHIN)
await api.close().catch((problem) => tell('error', [], problem))
