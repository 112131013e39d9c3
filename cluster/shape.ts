import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkOptions, InvalidOptions } from '../src/node/options.ts'
import { Refused } from './refused.ts'

/** The numbers a cluster on this machine was formed with. */
export interface Shape {
  readonly nodes: number
  readonly replicas: number
  readonly partitions: number
}

const DEFAULTS: Shape = { nodes: 3, replicas: 3, partitions: 64 }
const NAMES = ['nodes', 'replicas', 'partitions'] as const
const NODES_MAX = 100
const FILE = 'cluster.json'

/** Throws Refused when no cluster can have these numbers. Nothing is written before. */
export function checkShape(shape: Partial<Shape>): void {
  const { nodes, ...rest } = shape
  if (nodes !== undefined && !(Number.isSafeInteger(nodes) && nodes >= 1 && nodes <= NODES_MAX)) {
    throw new Refused(`nodes: must be a whole number from 1 to ${NODES_MAX}, not ${nodes}`)
  }
  try {
    checkOptions({ data: '.', ...rest })
  } catch (cause) {
    if (cause instanceof InvalidOptions) throw new Refused(cause.message, { cause })
    throw cause
  }
}

/**
 * The numbers to go by: those of the data present, else what is asked for, which is kept then.
 * Throws Refused when both differ. Requires: checkShape(asked).
 */
export function settle(data: string, asked: Partial<Shape>): Shape {
  const file = join(data, FILE)
  if (!existsSync(file)) {
    const shape = { ...DEFAULTS, ...asked }
    writeFileSync(file, `${JSON.stringify(shape, null, 2)}\n`)
    return shape
  }
  const present = readShape(file)
  for (const name of NAMES) {
    if (asked[name] === undefined || asked[name] === present[name]) continue
    throw new Refused(
      `${data} holds a cluster with --${name} ${present[name]}: keep that, give another --data, ` +
        'or start --fresh'
    )
  }
  return present
}

function readShape(file: string): Shape {
  const kept = readJson(file, 'restore it, or start --fresh') as Shape
  const isWhole = NAMES.every((name) => typeof kept[name] === 'number')
  if (!isWhole) throw new Refused(`${file} is damaged: restore it, or start --fresh`)
  checkShape(kept)
  return kept
}

/** The JSON object in `file`. Throws Refused, with what to do, when there is none. */
export function readJson(file: string, remedy: string): object {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  if (typeof value === 'object' && value !== null) return value
  throw new Refused(`${file} is damaged: ${remedy}`)
}
