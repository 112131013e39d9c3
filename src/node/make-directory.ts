import fs from 'node:fs'
import path from 'node:path'

/**
 * Makes `directory` and those above it that are missing; there may be all of them. Throws what the
 * system says. Node's own recursive way never ends where nothing can be made, as under /proc.
 */
export function makeDirectory(directory: string): void {
  const missing: string[] = []
  for (let at = path.resolve(directory); !fs.existsSync(at); at = path.dirname(at)) missing.push(at)
  for (const one of missing.reverse()) {
    try {
      fs.mkdirSync(one)
    } catch (error) {
      // Another process may have made it meanwhile.
      if (!isDirectory(one)) throw error
    }
  }
  if (!isDirectory(directory)) throw new Error('it is not a directory')
}

function isDirectory(place: string): boolean {
  return fs.statSync(place, { throwIfNoEntry: false })?.isDirectory() === true
}
