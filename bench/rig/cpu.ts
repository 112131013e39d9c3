import { readFileSync } from 'node:fs'
import { platform } from 'node:process'

/** Linux counts CPU time of processes in hundredths of a second, whatever its clock does. */
const MICROS_PER_TICK = 10_000
const BYTES_PER_PAGE = 4_096

/** CPU time a process has used so far, all its threads; undefined where /proc does not tell. */
export function cpuMicros(pid: number): number | undefined {
  if (platform !== 'linux') return undefined
  const fields = statFields(pid)
  return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK
}

/** Resident memory of a process, in bytes; undefined where /proc does not tell. */
export function residentBytes(pid: number): number | undefined {
  if (platform !== 'linux') return undefined
  return Number(statFields(pid)[21]) * BYTES_PER_PAGE
}

/** What follows the name of the program, which may hold spaces and brackets itself. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(') ') + 2).split(' ')
}
