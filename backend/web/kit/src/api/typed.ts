// Types of one operation, read out of the generated OpenAPI `paths`.

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

type Lower = { GET: 'get'; POST: 'post'; PUT: 'put'; PATCH: 'patch'; DELETE: 'delete' }
type Operation<P, U extends keyof P, M extends Method> = Lower[M] extends keyof P[U] ? P[U][Lower[M]] : never
type JsonOf<T> = T extends { content: { 'application/json': infer B } } ? B : undefined
type ParametersOf<O, K extends string> = O extends { parameters: { [key in K]?: infer V } } ? NonNullable<V> : never

/** The paths below a root, by what follows it. */
export type Below<P, Root extends string> = { [U in keyof P as U extends `${Root}${infer Rest}` ? Rest : never]: P[U] }

/** Paths of the API that have this method. */
export type PathWith<P, M extends Method> = {
  [U in keyof P & string]: Operation<P, U, M> extends { responses: object } ? U : never
}[keyof P & string]

/** JSON of the 2xx answers. */
export type Answer<P, U extends keyof P, M extends Method> =
  Operation<P, U, M> extends { responses: infer R }
    ? { [S in keyof R]: S extends 200 | 201 | 202 | 204 ? JsonOf<R[S]> : never }[keyof R]
    : never

/** `{}` when nothing is required, so that an empty argument is allowed. */
type Part<K extends string, V> = [V] extends [never] ? { [key in K]?: undefined } : object extends V ? { [key in K]?: V } : { [key in K]: V }
type BodyOf<O> = O extends { requestBody: infer B }
  ? { body: JsonOf<B> }
  : O extends { requestBody?: infer B }
    ? { body?: JsonOf<NonNullable<B>> }
    : object

export type Input<P, U extends keyof P, M extends Method> = Part<'path', ParametersOf<Operation<P, U, M>, 'path'>> &
  Part<'query', ParametersOf<Operation<P, U, M>, 'query'>> &
  BodyOf<Operation<P, U, M>>

export type Arguments<I, Extra> = object extends I ? [input?: I & Extra] : [input: I & Extra]
