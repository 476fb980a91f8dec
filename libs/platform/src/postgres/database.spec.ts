import { describeDatabase, embedded } from '@herald/testing';

describeDatabase(embedded);
