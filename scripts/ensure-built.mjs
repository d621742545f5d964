// Installs and builds what is missing or out of date, and nothing else. Tests that start dist/ call it first.
import { bootstrap } from './bootstrap.mjs';

bootstrap();
