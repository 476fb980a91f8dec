import { embeddedGround } from './ground.js';
import { stories } from './stories.js';

stories('embedded', () => embeddedGround());
