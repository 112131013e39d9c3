import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { arch, cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { at, rounded } from './figures.ts'
import { type Wake, wakeOf } from './wake.ts'

/** What figures hang on, besides the code. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Of the directory the data lie in. */
  readonly fileSystem: string
  /** One append of 1 KiB and fdatasync, nothing else going on. */
  readonly fdatasyncMs: { readonly p50: number; readonly p99: number }
  /** Absent in results of before it was measured. */
  readonly wake?: Wake
}

/** `statfs` names a file system by a number. */
const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlay'],
  [0x2fc12fc1, 'zfs']
])
const SYNCS = 200

/** `directory`: where the data will lie. */
export async function machineOf(directory: string): Promise<Machine> {
  const { type: kind } = statfsSync(directory)
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
    fileSystem: FILE_SYSTEMS.get(kind) ?? `0x${kind.toString(16)}`,
    fdatasyncMs: fdatasyncMs(directory),
    wake: await wakeOf()
  }
}

/** In memory a sync costs nothing, and figures of durable writes mean nothing. */
export function isInMemory(machine: Machine): boolean {
  return machine.fileSystem === 'tmpfs'
}

/** One line for people. */
export function machineLine(machine: Machine): string {
  const { processor, cores, memoryGiB, system, node, fileSystem, fdatasyncMs: sync } = machine
  const { wake } = machine
  const disk = `${fileSystem}, fdatasync ${sync.p50.toFixed(2)} ms (p99 ${sync.p99.toFixed(2)})`
  const parts = [`${processor}, ${cores} cores, ${memoryGiB} GiB`, system, `Node.js ${node}`, disk]
  if (wake !== undefined) {
    const { p50Ms, cpuMicros } = wake
    parts.push(`loopback and back ${p50Ms.toFixed(3)} ms, ${cpuMicros.toFixed(0)} us of CPU`)
  }
  return parts.join('; ')
}

/** The commit measured; `-dirty`: with changes on top of it. */
export function commitOf(): string {
  try {
    const git = (...args: readonly string[]): string =>
      execFileSync('git', [...args], { cwd: import.meta.dirname, stdio: 'pipe' })
        .toString()
        .trim()
    const commit = git('rev-parse', '--short', 'HEAD')
    return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}-dirty`
  } catch {
    // A copy without its history, or no git: the date has to do.
    return 'unknown'
  }
}

function fdatasyncMs(directory: string): Machine['fdatasyncMs'] {
  const path = join(directory, 'sync')
  const file = openSync(path, 'w')
  const block = new Uint8Array(1_024)
  const times = Array.from({ length: SYNCS }, () => {
    const began = performance.now()
    writeSync(file, block)
    fdatasyncSync(file)
    return performance.now() - began
  }).sort((a, b) => a - b)
  closeSync(file)
  rmSync(path)
  return { p50: rounded(at(times, 0.5)), p99: rounded(at(times, 0.99)) }
}
