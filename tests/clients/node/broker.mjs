// The front door that `run.py` started, as a client is told of it.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const state = process.env.BROKER_STATE;

export const endpoints = JSON.parse(readFileSync(join(state, "endpoints.json"), "utf8"));

/** The API key of a client. */
export const apiKey = (client) => readFileSync(join(state, "keys", client), "utf8").trim();

export const UNKNOWN_KEY = "0".repeat(40);
