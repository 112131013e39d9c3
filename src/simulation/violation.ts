/** A promise of the system that the simulation saw broken. */
export class Violation extends Error {
  override readonly name = 'Violation'
}
