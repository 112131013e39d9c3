import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
const COMPILER_OPTIONS = {
  target: 'ES2022',
  module: 'NodeNext',
  lib: ['ES2022', 'ESNext.Disposable'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  outDir: 'out'
}

/** A program that installed the packed package, with a directory of its own. */
export class Consumer implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'keymesh-consumer-'))
  #tarball = ''

  /** Packs what `npm publish` would, and installs it beside the packages of this checkout. */
  async install(): Promise<this> {
    const args = ['pack', '--offline', '--silent', '--pack-destination', this.directory]
    const { stdout } = await run('npm', args, { cwd: ROOT })
    this.#tarball = join(this.directory, stdout.trim())
    const modules = join(this.directory, 'node_modules')
    mkdirSync(modules)
    for (const name of readdirSync(join(ROOT, 'node_modules'))) {
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
    }
    await this.#tool('tar', ['-xzf', this.#tarball, '-C', modules])
    await this.#tool('mv', [join(modules, 'package'), join(modules, 'keymesh')])
    writeFileSync(join(this.directory, 'package.json'), '{ "type": "module" }')
    return this
  }

  get tarball(): string {
    return this.#tarball
  }

  /** Where the package lies. */
  get installed(): string {
    return join(this.directory, 'node_modules', 'keymesh')
  }

  /** Compiles `source` against the package's declarations, all of them checked. */
  async compile(name: string, source: string): Promise<void> {
    writeFileSync(join(this.directory, `${name}.ts`), source)
    const settings = { compilerOptions: COMPILER_OPTIONS, files: [`${name}.ts`] }
    writeFileSync(join(this.directory, 'tsconfig.json'), JSON.stringify(settings))
    await this.#tool('tsc', ['-p', '.'])
  }

  /** What a compiled program printed. Rejects unless it ends by itself, with 0, in time. */
  async start(name: string, args: readonly string[], timeoutMs = 30_000): Promise<string> {
    const argv = [join(this.directory, 'out', `${name}.js`), ...args]
    const { stdout } = await run(process.execPath, argv, { timeout: timeoutMs })
    return stdout
  }

  /** A tool of this checkout, run beside the package; rejects with what it said. */
  async check(tool: string, args: readonly string[]): Promise<string> {
    return await this.#tool(tool, args)
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true })
  }

  async #tool(tool: string, args: readonly string[]): Promise<string> {
    const bin = join(ROOT, 'node_modules', '.bin')
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
    try {
      return (await run(tool, args, { cwd: this.directory, env })).stdout
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
      throw new Error(`${tool} ${args.join(' ')}: ${stdout}${stderr}`, { cause: error })
    }
  }
}
