import type { Connection } from './client-settings.ts'
import type { Given } from './settings.ts'

/** A command as it was called. */
export interface ClientCall {
  /** The words that are no options, as many as the command takes. */
  readonly words: readonly string[]
  readonly given: Given
  readonly connection: Connection
  /** Aborted when the caller wants the command to end. */
  readonly signal: AbortSignal
}
