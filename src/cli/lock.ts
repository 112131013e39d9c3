import { type ChildProcess, spawn } from 'node:child_process'
import { constants, hostname } from 'node:os'
import process from 'node:process'
import type { Lock, LockOptions } from '../client/api.ts'
import { InvalidOptions } from '../node/options.ts'
import { LOCK_WAIT_MS_MAX } from '../wire/limits.ts'
import { EXIT, type Told } from './answer.ts'
import type { ClientCall } from './call.ts'
import { withKeys } from './client.ts'
import { keyOf } from './keys.ts'
import { say } from './say.ts'
import type { Given } from './settings.ts'

/** What ends a command from outside reaches the one that it runs, too. */
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** By the custom of shells. */
const NOT_FOUND = 127
const NOT_RUN = 126
const ENDED_BY_SIGNAL = 128

/** `keymesh lock KEY -- COMMAND…`: runs COMMAND while the lock is held; ends as it does. */
export async function lock({ words, given, connection, signal }: ClientCall): Promise<Told> {
  const [name = '', ...command] = words
  if (command.length === 0) {
    throw new InvalidOptions('COMMAND is missing, as in keymesh lock KEY -- COMMAND')
  }
  const key = keyOf(name, given.get('base64url') === true)
  const options = optionsOf(given)
  return await withKeys(connection, signal, async (kv, call) => {
    await using held = await kv.lock(key, { ...call, ...options })
    return { type: 'told', exitCode: await runUnder(held, name, command) }
  })
}

function optionsOf(given: Given): LockOptions {
  const ttl = given.get('ttl') as number | undefined
  const wait = (given.get('wait') as number | undefined) ?? Number.POSITIVE_INFINITY
  if (Number.isFinite(wait) && wait > LOCK_WAIT_MS_MAX) {
    throw new InvalidOptions(`--wait: must be at most ${LOCK_WAIT_MS_MAX / 3_600_000}h`)
  }
  return {
    ...(ttl === undefined ? {} : { ttl }),
    wait,
    shared: given.get('shared') === true,
    owner: (given.get('owner') as string | undefined) ?? `${hostname()} pid ${process.pid}`
  }
}

/** It has the key and the token in its environment, and is told to end if the lock is lost. */
async function runUnder(held: Lock, name: string, command: readonly string[]): Promise<number> {
  const [file = '', ...args] = command
  const names = { KEYMESH_LOCK_KEY: name, KEYMESH_LOCK_TOKEN: String(held.token) }
  const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, ...names } })
  const onLost = (): void => {
    say(`the lock is lost: ${file} is told to end (SIGTERM)`)
    child.kill('SIGTERM')
  }
  // What is pressed at a terminal reaches the whole group of processes by itself.
  const pass = (by: NodeJS.Signals): void => {
    if (by !== 'SIGINT' || process.stdin.isTTY !== true) child.kill(by)
  }
  for (const by of PASSED_ON) process.on(by, pass)
  held.signal.addEventListener('abort', onLost, { once: true })
  if (held.signal.aborted) onLost()
  try {
    return await ended(child, file)
  } finally {
    held.signal.removeEventListener('abort', onLost)
    for (const by of PASSED_ON) process.off(by, pass)
  }
}

function ended(child: ChildProcess, file: string): Promise<number> {
  return new Promise((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      say(`cannot run ${file}: ${error.code === 'ENOENT' ? 'not found' : error.message}`)
      resolve(error.code === 'ENOENT' ? NOT_FOUND : NOT_RUN)
    })
    child.on('exit', (code, by) => {
      if (code !== null) resolve(code)
      else resolve(by === null ? EXIT.fault : ENDED_BY_SIGNAL + constants.signals[by])
    })
  })
}
