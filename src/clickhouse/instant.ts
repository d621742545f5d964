import { z } from 'zod';

/** `2026-01-02 03:04:05.678`, in UTC as all our columns are, as ISO 8601. */
export const instant = z.string().transform((value) => `${value.replace(' ', 'T')}Z`);
