import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What cannot be done as asked, in one line. */
export class Refused extends Error {
  override readonly name = 'Refused'
}

/** The numbers a cluster on this machine was formed with. */
export interface Shape {
  readonly nodes: number
  readonly replicas: number
  readonly partitions: number
}

const DEFAULTS: Shape = { nodes: 3, replicas: 3, partitions: 64 }
const FILE = 'cluster.json'

/**
 * The numbers to go by: those of the data present, else what is asked for, which is kept then.
 * Throws Refused when both differ.
 */
export function settle(data: string, asked: Partial<Shape>): Shape {
  const file = join(data, FILE)
  if (!existsSync(file)) {
    const shape = { ...DEFAULTS, ...asked }
    writeFileSync(file, `${JSON.stringify(shape, null, 2)}\n`)
    return shape
  }
  const present = JSON.parse(readFileSync(file, 'utf8')) as Shape
  for (const name of ['nodes', 'replicas', 'partitions'] as const) {
    if (asked[name] === undefined || asked[name] === present[name]) continue
    throw new Refused(
      `${data} holds a cluster with --${name} ${present[name]}: keep that, give another --data, ` +
        'or start --fresh'
    )
  }
  return present
}
