/**
 * `@Handles(operation)` makes a method the handler of a declared operation: its route, who may call it, and its status.
 * Everything is per route: nothing is registered for the whole application (walk.md, composition).
 */

import type { InputOf, Operation } from '@herald/contracts';
import {
  applyDecorators,
  type CanActivate,
  createParamDecorator,
  Delete,
  type ExecutionContext,
  Get,
  HttpCode,
  Inject,
  Injectable,
  Patch,
  Post,
  Put,
  SetMetadata,
  UseGuards,
} from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { AUTHENTICATOR, type Authenticator, type Caller, type PersonCaller } from './caller.js';
import { Problem } from './problem.js';
import { unstorable, validate } from './validation.js';

const OPERATION = 'herald:operation';
const methods = { GET: Get, POST: Post, PUT: Put, PATCH: Patch, DELETE: Delete };

/** What a request carries through Herald, besides Fastify's own. */
export interface HeraldRequest extends FastifyRequest {
  heraldCaller?: Caller;
  /** The body holds escapes: only then can it hold NUL or lone surrogates. */
  heraldEscapes?: boolean;
}

export function operationOf(handler: object): Operation | undefined {
  return Reflect.getMetadata(OPERATION, handler);
}

@Injectable()
export class AccessGuard implements CanActivate {
  constructor(@Inject(AUTHENTICATOR) private readonly authenticator: Authenticator) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { permission } = operationOf(context.getHandler())!;
    const request = context.switchToHttp().getRequest<HeraldRequest>();
    const caller = await this.authenticator.authenticate({
      bearer: bearerOf(request.headers.authorization),
      session: cookieOf(request.headers.cookie, 'herald_session'),
      account: headerOf(request.headers['x-herald-account']) ?? queryOf(request, 'accountId'),
    });
    if (!caller) throw new Problem(401, 'Sign in, or send a valid key or token.');
    if (permission === 'producer') {
      if (caller.kind !== 'producer') throw new Problem(403, 'This call is for producers: use an API key.');
    } else {
      if (caller.kind !== 'person') throw new Problem(403, 'An API key of a producer can’t make this call.');
      allow(permission, caller);
    }
    request.heraldCaller = caller;
    return true;
  }
}

/** Throws where a person may not make such a call. */
export function allow(permission: Operation['permission'], caller: PersonCaller): void {
  if (permission === 'operator') {
    if (!caller.isOperator) throw new Problem(403, 'This call is for operators.');
    return;
  }
  if (permission === 'signed-in') return;
  if (caller.accountId === null) {
    throw new Problem(400, 'Name the account to act on in the header x-herald-account.');
  }
  if (caller.isOperator || caller.isOwner) return;
  const policies =
    permission === 'read' ? ['NotificationsReadOnlyAccess', 'NotificationsFullAccess'] : ['NotificationsFullAccess'];
  if (permission === 'owner' || !caller.policies.some((policy) => policies.includes(policy))) {
    throw new Problem(403, `This call needs ${permission === 'owner' ? 'the owner of the account' : policies.at(-1)}.`);
  }
}

export function Handles(operation: Operation): MethodDecorator {
  const { method, path, status, permission, bodyLimit } = operation;
  return applyDecorators(
    methods[method](path),
    HttpCode(status),
    SetMetadata(OPERATION, operation),
    ...(bodyLimit ? [RouteConfig({ bodyLimit })] : []),
    ...(permission === 'public' ? [] : [UseGuards(AccessGuard)]),
  );
}

/** `{ params, query, body }`, validated; every fault is named. */
export const Input = createParamDecorator((_: unknown, context: ExecutionContext): InputOf<Operation> => {
  const operation = operationOf(context.getHandler())!;
  const request = context.switchToHttp().getRequest<HeraldRequest>();
  if (request.heraldEscapes) refuseUnstorable(request.body);
  if (request.url.includes('%00')) refuseUnstorable({ ...(request.params as object), ...(request.query as object) });
  const { accountId: _account, ...query } = request.query as Record<string, unknown>;
  return {
    params: validate(operation.params, request.params),
    query: validate(operation.query, 'accountId' in (operation.query as any).shape ? request.query : query),
    body: validate(operation.body, request.body ?? undefined),
  };
});

export function refuseUnstorable(body: unknown): void {
  const errors = unstorable(body);
  if (errors.length > 0) throw new Problem(422, 'What was sent can’t be stored.', { errors });
}

export const CallerOf = createParamDecorator(
  (_: unknown, context: ExecutionContext): Caller => context.switchToHttp().getRequest<HeraldRequest>().heraldCaller!,
);

export function bearerOf(header: string | undefined): string | null {
  return header?.startsWith('Bearer ') ? header.slice('Bearer '.length).trim() : null;
}

export function cookieOf(header: string | undefined, name: string): string | null {
  if (!header) return null;
  for (const part of header.split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}

function headerOf(value: string | string[] | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function queryOf(request: FastifyRequest, name: string): string | null {
  const value = (request.query as Record<string, unknown>)[name];
  return typeof value === 'string' &&
    value !== '' &&
    request.headers['x-herald-account'] === undefined &&
    !request.url.startsWith('/v1/ops/')
    ? value
    : null;
}
