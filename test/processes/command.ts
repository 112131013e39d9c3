import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../bin/keymesh.js', import.meta.url))

export interface Run {
  /** The exit code, or the signal it was ended by. */
  readonly code: number | string
  readonly stdout: Buffer
  readonly stderr: string
}

export interface RunOptions {
  /** All that comes in; a number is a descriptor that is open. */
  readonly stdin?: string | Uint8Array | number
  /** Added to what this process has, without its own KEYMESH_ names. */
  readonly environment?: Readonly<Record<string, string>>
  /** For Node.js itself, before the command. */
  readonly execArguments?: readonly string[]
}

/** Starts `keymesh` of the built package. Whoever starts it waits for its end. */
export function spawnCommand(args: readonly string[], options: RunOptions = {}): ChildProcess {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('KEYMESH_'))
  return spawn(process.execPath, [...(options.execArguments ?? []), BIN, ...args], {
    env: { ...Object.fromEntries(own), ...options.environment },
    stdio: [typeof options.stdin === 'number' ? options.stdin : 'pipe', 'pipe', 'pipe']
  })
}

/** Runs `keymesh` to its end. */
export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = spawnCommand(args, options)
  const out: Buffer[] = []
  const errors: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk))
  // One that ends before it has read everything closes the pipe: not our affair.
  child.stdin?.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  if (typeof options.stdin !== 'number') child.stdin?.end(options.stdin ?? '')
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return {
    code: code ?? signal ?? 'lost',
    stdout: Buffer.concat(out),
    stderr: Buffer.concat(errors).toString()
  }
}
