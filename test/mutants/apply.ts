import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mutant } from './mutant.ts'

/**
 * The files that `mutant` changes and what they say then, by their paths from `root`. Throws where
 * an edit does not find its text exactly once: the code moved on, and the mutant must follow.
 */
export function mutated(root: string, { id, edits }: Mutant): Map<string, string> {
  const files = new Map<string, string>()
  for (const { file, from, to } of edits) {
    const text = files.get(file) ?? readFileSync(join(root, file), 'utf8')
    const parts = text.split(from)
    if (parts.length !== 2) {
      const found = parts.length - 1
      throw new Error(`mutant ${id}: ${file} has its text ${found} times, not once:\n${from}`)
    }
    if (from === to) throw new Error(`mutant ${id} changes nothing in ${file}`)
    files.set(file, parts.join(to))
  }
  return files
}
