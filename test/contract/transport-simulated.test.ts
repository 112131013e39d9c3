import { simulatedStage } from './simulated-stage.ts'
import { transportContract } from './transport-contract.ts'

// Several seeds: what the suite says must hold for every order of simultaneous events.
for (const seed of ['contract 1', 'contract 2', 'contract 3']) {
  transportContract(`simulated network, seed ${seed}`, async () => simulatedStage(seed))
}
