interface ApiErrorFields {
  status: number;
  type: 'invalid_request_error' | 'server_error';
  code: string;
  param?: string | null;
  headers?: Readonly<Record<string, string>>;
}

/** An error in the form of OpenAI's API. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly fields: ApiErrorFields;

  constructor(message: string, fields: ApiErrorFields) {
    super(message);
    this.fields = fields;
  }

  get status(): number {
    return this.fields.status;
  }

  toBody(): { error: { message: string; type: string; code: string; param: string | null } } {
    const { type, code, param = null } = this.fields;
    return { error: { message: this.message, type, code, param } };
  }
}

export function badRequest(code: string, message: string, param?: string): ApiError {
  return new ApiError(message, { status: 400, type: 'invalid_request_error', code, param: param ?? null });
}

/** For features that OpenAI has and this engine lacks. To ignore them silently would give wrong answers. */
export function unsupported(param: string, message: string): ApiError {
  return badRequest('unsupported_parameter', message, param);
}

export function notFound(code: string, message: string, param?: string): ApiError {
  return new ApiError(message, { status: 404, type: 'invalid_request_error', code, param: param ?? null });
}

export function keyMissing(): ApiError {
  return new ApiError('This engine answers only the server that started it.', {
    status: 401,
    type: 'invalid_request_error',
    code: 'invalid_api_key',
  });
}

export function stillLoading(): ApiError {
  return new ApiError('The model is still loading. Try again in a moment.', {
    status: 503,
    type: 'server_error',
    code: 'model_loading',
    headers: { 'retry-after': '1' },
  });
}

export function isStopping(): ApiError {
  return new ApiError('The instance was stopped before the answer was complete.', {
    status: 503,
    type: 'server_error',
    code: 'instance_stopping',
  });
}

export function contextLengthExceeded(tokens: number, limit: number, param: string): ApiError {
  return badRequest(
    'context_length_exceeded',
    `The input has ${tokens} tokens and this instance reads at most ${limit}. Shorten it, or launch with a larger context length.`,
    param,
  );
}

/** Turns anything thrown into an error for the caller. Details of unexpected errors are only in the log. */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  return new ApiError('The engine failed on this request. Its log has the reason.', {
    status: 500,
    type: 'server_error',
    code: 'internal_error',
  });
}
