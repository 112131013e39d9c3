import fs from 'node:fs'
import path from 'node:path'
import { UnusableData } from './identity.ts'

const FORMAT_FILE = 'format'
const FORMAT = 1

/**
 * Throws UnusableData when `directory` is of a newer format, or was a node's once and what made it
 * that node is gone: forming or joining anew would hide the loss.
 */
export function checkDataDirectory(directory: string): void {
  const file = path.join(directory, FORMAT_FILE)
  if (!fs.existsSync(file)) return
  const format = Number(fs.readFileSync(file, 'utf8'))
  if (format > FORMAT) {
    throw new UnusableData(`${directory} was written by a newer version of KeyMesh`)
  }
  if (!fs.existsSync(path.join(directory, 'log', 'identity.json'))) {
    throw new UnusableData(
      `${directory} has lost its log and identity: restore them, or start with an empty directory`
    )
  }
}

/** From now on `directory` is a node's. Requires: its identity is durable. */
export function markDataDirectory(directory: string): void {
  const file = path.join(directory, FORMAT_FILE)
  if (fs.existsSync(file)) return
  fs.writeFileSync(file, `${FORMAT}\n`, { flush: true })
}
