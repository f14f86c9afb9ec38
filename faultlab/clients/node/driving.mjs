// What every Node driver does: takes the manifest tick by tick, and reports what its client told the application.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'

export const { INFLUX_HOST: URL_, INFLUX_TOKEN: TOKEN, INFLUX_ORG: ORG, INFLUX_BUCKET: BUCKET } = process.env

/** Yield the lines of each tick, those with one timestamp, once all of them are declared to be handed over. */
export function* ticks() {
  const text = readFileSync(process.env.FAULTLAB_INPUT, 'utf8')
  writeFileSync(process.env.FAULTLAB_MANIFEST, text)
  let tick = []
  let last
  for (const line of text.trimEnd().split('\n')) {
    const time = line.slice(line.lastIndexOf(' ') + 1)
    if (tick.length && time !== last) {
      yield tick
      tick = []
    }
    tick.push(line)
    last = time
  }
  if (tick.length) yield tick
}

/** Report what the application was told of some lines; anything but `ok` makes the exit status 1. */
export function tell(told, lines = [], message = '') {
  if (told !== 'ok') process.exitCode = 1
  const text = JSON.stringify({ told, message: String(message).slice(0, 2000), lines: lines.join('\n') })
  appendFileSync(process.env.FAULTLAB_REPORT, `${text}\n`)
}

/** Write by a promise that is kept or broken, and report which. */
export async function call(lines, write) {
  try {
    await write()
    tell('ok', lines)
  } catch (problem) {
    tell('failed', lines, problem)
  }
}

/** Wait so many milliseconds. */
export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds))
