import { failure } from '../wire/failure.ts'
import type { ScanEntry } from '../wire/scan.ts'
import type { Entry, KeyEntry, ScanOptions } from './api.ts'
import { type Checked, checkInteger, checkNames, checkOptions } from './arguments.ts'
import { invalid } from './errors.ts'
import { promised } from './promised.ts'
import {
  type ScanBatch,
  type ScanQuery,
  type ScanShell,
  ScanStream,
  type StreamOptions
} from './scan-stream.ts'
import type { Scope } from './scope.ts'

/** How a program takes a scan: entry by entry. The end of the loop ends the scan. */
export async function* scanned<V, E extends Entry<V> | KeyEntry>(
  shell: ScanShell,
  query: ScanQuery,
  how: StreamOptions & {
    readonly signal: AbortSignal | undefined
    readonly show: (entry: ScanEntry) => E
  }
): AsyncGenerator<E, undefined, undefined> {
  const { signal, show, ...options } = how
  const stream = new ScanStream(shell, query, options)
  try {
    for (;;) {
      const { entries } = await promised<ScanBatch>(signal, (done) => {
        stream.next(done)
        return () => {
          stream.stop()
          done({ ok: false, failure: failure('timeout', 'its caller stopped waiting') })
        }
      })
      if (entries.length === 0) return undefined
      for (const entry of entries) {
        signal?.throwIfAborted()
        yield show(entry)
      }
    }
  } finally {
    stream.stop()
  }
}

/** What a caller may say about a scan beside its range, checked. */
export interface CheckedScan extends Checked {
  readonly limit: number | undefined
  readonly reverse: boolean
  readonly keysOnly: boolean
}

const NAMES = ['signal', 'timeout', 'consistency'] as const
const OWN_NAMES = ['prefix', 'start', 'end', 'limit', 'reverse', 'keysOnly'] as const

/** Throws invalid_argument. The range is looked at by its scope. */
export function checkScan(options: ScanOptions): CheckedScan {
  checkNames(options, [...OWN_NAMES, ...NAMES])
  const { signal, timeout, consistency, limit, reverse, keysOnly } = options
  const call = {
    ...(signal === undefined ? {} : { signal }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(consistency === undefined ? {} : { consistency })
  }
  return {
    ...checkOptions(call, NAMES),
    limit: checkInteger(limit, 'limit', 1),
    reverse: checkSwitch(reverse, 'reverse'),
    keysOnly: checkSwitch(keysOnly, 'keysOnly')
  }
}

function checkSwitch(value: unknown, name: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw invalid(`${name} is true or false`)
}

/** What a scope shows of a scan. */
export function showIn<V, T extends V>(scope: Scope<V>): (entry: ScanEntry) => Entry<T> {
  return ({ key, ...record }) => scope.shown(key).entry<T>(record) as Entry<T>
}

/** The same without the value. */
export function showKeyIn<V>(scope: Scope<V>): (entry: ScanEntry) => KeyEntry {
  return ({ key, ...record }) => scope.shown(key).keyEntry(record)
}
