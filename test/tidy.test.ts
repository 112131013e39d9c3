import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { CODES } from '../src/wire/failure.ts'
import * as bans from './tidy/bans.ts'
import * as imports from './tidy/imports.ts'
import {
  brokenLinks,
  decisionViolations,
  lockGaps,
  machinePathViolations,
  missingScriptFiles,
  type Page,
  undocumentedCodes,
  unlistedPages
} from './tidy/pages.ts'
import { mirrorViolations, nameViolations, roomsOf, sizeViolations } from './tidy/sizes.ts'
import { filesUnder, readSources, roomOf, type Source } from './tidy/source.ts'

// Goal: docs/style.md and the floors of docs/architecture.md hold for every file, today and after
// every change. Method: the rules of test/tidy run over the whole checkout; planted.test.ts shows
// that each of them can fail. A violation is mended in the code, never excused here.

const FOLDERS = ['src', 'test', 'bench', 'cluster'].filter((folder) => existsSync(folder))
const all = readSources(FOLDERS)
const src = all.filter((source) => source.path.startsWith('src/'))
const tests = all.filter((source) => source.path.startsWith('test/'))
const programs = all.filter(({ path }) => !path.startsWith('test/tidy/planted'))
const pages = [...FOLDERS, 'docs', 'bin', '.ci']
  .flatMap((folder) => (existsSync(folder) ? filesUnder(folder) : []))
  .concat(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'package.json', 'vitest.config.ts'])
  .filter((path) => /\.(ts|js|md|json|txt|yaml|yml|service|sh)$|\/run$/.test(path))
  .filter((path) => !path.startsWith('test/tidy/planted'))
  .map((path): Page => ({ path, text: readFileSync(path, 'utf8') }))
const markdown = pages.filter(({ path }) => path.endsWith('.md'))

test('imports point down the floors', () => {
  expect(imports.floorViolations(src)).toEqual([])
})

test('pure rooms import pure rooms only', () => {
  expect(imports.pureViolations(src)).toEqual([])
})

test('each package has its home', () => {
  expect(imports.packageViolations(src)).toEqual([])
})

test('only adapters name the outside, and only composers name adapters', () => {
  const outside = src.filter((source) => bans.outsideFindings(source).length > 0)
  const violations = imports.adapterViolations(src, new Set(outside.map(({ path }) => path)))
  // The places inside the misplaced files, so that the message leads to the line.
  const misplaced = outside.filter(({ path }) => violations.some((v) => v.startsWith(`${path} `)))
  const places = misplaced.flatMap((source) => bans.outsideFindings(source).map(bans.show))
  expect([...violations, ...places]).toEqual([])
})

test('the client never reaches storage', () => {
  expect(imports.clientReachViolations(src)).toEqual([])
})

test('no file is dead', () => {
  expect(imports.deadFiles(src, tests)).toEqual([])
})

test('no barrels', () => {
  expect(imports.barrelViolations(src)).toEqual([])
})

test('the language stays small', () => {
  expect(findings(programs, bans.languageFindings)).toEqual([])
})

test('pure rooms are synchronous and exact', () => {
  expect(findings(src, bans.pureFindings)).toEqual([])
})

test('tests wait for causes and hide nothing', () => {
  expect(findings(tests, bans.testFindings)).toEqual([])
})

test('files, functions and lines fit in a head', () => {
  expect(all.flatMap(sizeViolations)).toEqual([])
})

test('names say what is inside', () => {
  expect(nameViolations(all.map(({ path }) => path))).toEqual([])
})

test('unit tests mirror the rooms', () => {
  expect(
    mirrorViolations(
      tests.map(({ path }) => path),
      roomsOf(src)
    )
  ).toEqual([])
  expect([...roomsOf(src)].filter((room) => roomOf(`src/${room}/x.ts`) !== room)).toEqual([])
})

test('every error code has its row in docs/errors.md', () => {
  expect(undocumentedCodes(CODES, readFileSync('docs/errors.md', 'utf8'))).toEqual([])
})

test('no page names a path of one machine', () => {
  expect(machinePathViolations(pages)).toEqual([])
})

test('links between pages lead somewhere', () => {
  expect(brokenLinks(markdown)).toEqual([])
})

test('the map of docs leads to every page', () => {
  expect(unlistedPages(readdirSync('docs'), readFileSync('docs/README.md', 'utf8'))).toEqual([])
})

test('decisions are numbered once', () => {
  expect(decisionViolations(readdirSync('docs/decisions'))).toEqual([])
})

test('every script runs a file that is there', () => {
  expect(missingScriptFiles(JSON.parse(readFileSync('package.json', 'utf8')).scripts)).toEqual([])
})

test('the lock names the packages of every platform', () => {
  expect(lockGaps(JSON.parse(readFileSync('package-lock.json', 'utf8')))).toEqual([])
})

function findings(sources: readonly Source[], rule: (source: Source) => bans.Finding[]): string[] {
  return sources.flatMap(rule).map(bans.show)
}
