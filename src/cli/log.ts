import { destination, type Level, pino } from 'pino'
import type { Logger } from '../world/log.ts'

const STDERR = 2

/** JSON lines on stderr. Synchronous: the line that says why a process ends must not get lost. */
export function stderrLogger(level: Level): Logger {
  const formatters = { level: (label: string) => ({ level: label }) }
  const out = pino({ level, base: null, formatters }, destination({ dest: STDERR, sync: true }))
  return {
    log: (at, event, fields) => out[at](fields ?? {}, event),
    isEnabled: (at) => out.isLevelEnabled(at)
  }
}
