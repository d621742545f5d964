import { defineQuery, defineUpdate } from '@temporalio/workflow';
import {
  type ControlAnswer,
  PAUSE_UPDATE,
  type PauseInput,
  RESUME_UPDATE,
  type TenantControlAnswer,
} from '../contracts/control.js';
import { PROGRESS_QUERY } from '../contracts/names.js';
import type { Progress } from '../contracts/types.js';

/** How far a resource run has come. Answered while it runs and afterwards. */
export const progressQuery = defineQuery<Progress>(PROGRESS_QUERY);

/** Lets a resource run store the page in flight and then wait. Refused where it is paused already, or ending. */
export const pauseUpdate = defineUpdate<ControlAnswer, [PauseInput?]>(PAUSE_UPDATE);
/** Lets a paused resource run go on. Refused where it is not paused. */
export const resumeUpdate = defineUpdate<ControlAnswer>(RESUME_UPDATE);

/** The same for all resource runs of a tenant. */
export const pauseTenantUpdate = defineUpdate<TenantControlAnswer, [PauseInput?]>(PAUSE_UPDATE);
export const resumeTenantUpdate = defineUpdate<TenantControlAnswer>(RESUME_UPDATE);
