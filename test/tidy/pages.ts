import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A text file that is not a program: a page of docs, a configuration, a golden trace. */
export interface Page {
  readonly path: string
  readonly text: string
}

/** Paths that exist on one machine only. */
const MACHINE_PATHS = /(^|[\s"'`(=:])(\/(?:home|root|Users|work|mnt)\/[\w./-]+)/g

export function machinePathViolations(pages: readonly Page[]): string[] {
  return pages.flatMap(({ path, text }) =>
    [...text.matchAll(MACHINE_PATHS)].map((match) => `${path} names ${match[2]}: say it relatively`)
  )
}

/** Every code has its own row on the page of errors, with the status it is answered with. */
export function undocumentedCodes(
  codes: Readonly<Record<string, { readonly status: number }>>,
  page: string
): string[] {
  return Object.entries(codes)
    .filter(([code, { status }]) => {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${code}\` |`))
      return row?.includes(` ${status} `) !== true
    })
    .map(([code, { status }]) => `docs/errors.md has no row for ${code} with status ${status}`)
}

/** Links from page to page lead somewhere. */
export function brokenLinks(pages: readonly Page[], exists = existsSync): string[] {
  return pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map((match) => match[1] ?? '')
      .filter((link) => !/^[a-z]+:/.test(link) && !exists(join(dirname(path), link)))
      .map((link) => `${path} links to ${link}, which is not there`)
  )
}

/** Every script of package.json that runs a file of ours runs one that is there. */
export function missingScriptFiles(
  scripts: Readonly<Record<string, string>>,
  exists = existsSync
): string[] {
  return Object.entries(scripts).flatMap(([name, script]) =>
    [...script.matchAll(/\bnode ([\w./-]+\.[jt]s)/g)]
      .map((match) => match[1] ?? '')
      .filter((file) => !exists(file))
      .map((file) => `npm run ${name} runs ${file}, which is not there`)
  )
}

/** Every page of docs/ stands on its map, docs/README.md. `names`: the files of docs/. */
export function unlistedPages(names: readonly string[], map: string): string[] {
  return names
    .filter((name) => name.endsWith('.md') && name !== 'README.md' && !map.includes(`](${name})`))
    .map((name) => `docs/README.md does not lead to ${name}`)
}

/**
 * `npm ci` refuses a lock in which an optional package of another platform is missing, and
 * `npm install` leaves such packages out when its registry does not serve them.
 */
export function lockGaps(lock: {
  readonly packages: Readonly<Record<string, { optionalDependencies?: Record<string, string> }>>
}): string[] {
  const gaps: string[] = []
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const name of Object.keys(entry.optionalDependencies ?? {})) {
      const places = [`node_modules/${name}`, `${path}/node_modules/${name}`]
      if (!places.some((place) => place in lock.packages)) gaps.push(`the lock lacks ${name}`)
    }
  }
  return gaps
}

/** Decisions are numbered once each, without a gap inside their ten. */
export function decisionViolations(names: readonly string[]): string[] {
  const numbers = names.map((name) => /^(\d{4})-[a-z0-9-]+\.md$/.exec(name)?.[1])
  const found = names
    .filter((_, index) => numbers[index] === undefined)
    .map((name) => `docs/decisions/${name} is not NNNN-name.md`)
  const twice = numbers.filter((n, index) => n !== undefined && numbers.indexOf(n) !== index)
  return [...found, ...twice.map((n) => `two decisions are numbered ${n}`)]
}
