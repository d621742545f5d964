import { hex8, hexText, mix, pick, scramble } from './random.js';
import type { Vocabulary } from './vocabulary.js';

const SALT = { id: 61, name: 62 } as const;

/** Who a client is; never changes. */
export interface ClientIdentity {
  readonly index: number;
  readonly clientId: string;
  readonly name: string;
  /** Whether it is the pseudo client that stands for all applications. */
  readonly isGlobal: boolean;
}

/** Makes the identities of a tenant's clients, each a function of (seed, index). */
export class ClientIdentities {
  readonly #seed: number;
  readonly #words: Vocabulary;

  constructor(seed: number, words: Vocabulary) {
    this.#seed = seed;
    this.#words = words;
  }

  /** The client with that index; index 0 is the pseudo client. */
  at(index: number): ClientIdentity {
    const isGlobal = index === 0;
    const company = pick(this.#words.companies, mix(this.#seed, index, SALT.name));
    const product = pick(this.#words.products, mix(this.#seed, index, SALT.name + 100));
    return {
      index,
      clientId: hexText(this.#seed, index, SALT.id, 24) + hex8(scramble(index)),
      name: isGlobal ? 'All Applications' : `${company} ${product} ${index}`,
      isGlobal,
    };
  }
}
