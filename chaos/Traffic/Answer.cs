using KvStore.Chaos.History;

namespace KvStore.Chaos.Traffic;

/// <summary>What a client knows of its request.</summary>
/// <param name="Response">Null unless it is <see cref="Outcome.Ok"/>.</param>
/// <param name="Error">The text of a refusal or failure.</param>
internal readonly record struct Answer<T>(Outcome Outcome, T? Response, string Error = "")
    where T : class
{
    [System.Diagnostics.CodeAnalysis.MemberNotNullWhen(true, nameof(Response))]
    public bool IsOk => Outcome == Outcome.Ok;
}
