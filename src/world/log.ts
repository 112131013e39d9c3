export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** Structured events for people who run a node. Never data a user stored. */
export interface Logger {
  log(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void
  /**
   * Whether lines of this level go anywhere: what would be written for every request is not even
   * made otherwise. Absent: those under `info` do not.
   */
  isEnabled?(level: LogLevel): boolean
}

export const silent: Logger = { log: () => {} }
