import { writeSync } from 'node:fs'
import { type Level, pino } from 'pino'
import type { Logger } from '../world/log.ts'
import { LogSink } from './log-sink.ts'

const STDERR = 2

/** JSON lines on stderr. Synchronous: the line that says why a process ends must not get lost. */
export function stderrLogger(level: Level): Logger {
  const formatters = { level: (label: string) => ({ level: label }) }
  const sink = new LogSink((bytes) => writeSync(STDERR, bytes))
  const out = pino({ level, base: null, formatters }, sink)
  return {
    log: (at, event, fields) => {
      out[at](fields ?? {}, event)
      const lines = sink.takeDropped()
      if (lines > 0) out.warn({ lines }, 'log lines were dropped')
    },
    isEnabled: (at) => out.isLevelEnabled(at)
  }
}
