// FASTER's type of a session, spelt out once: no input, output or context, for ValueFunctions keeps what was read.
global using FasterSession = FASTER.core.ClientSession<
    KvStore.Storage.Values.Faster.RevisionKey, FASTER.core.SpanByte, FASTER.core.Empty, FASTER.core.Empty, FASTER.core.Empty,
    KvStore.Storage.Values.Faster.ValueFunctions>;
