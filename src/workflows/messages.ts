import { defineQuery } from '@temporalio/workflow';
import { PROGRESS_QUERY } from '../contracts/names.js';
import type { Progress } from '../contracts/types.js';

/** How far a resource run has come. Answered while it runs and afterwards. */
export const progressQuery = defineQuery<Progress>(PROGRESS_QUERY);
