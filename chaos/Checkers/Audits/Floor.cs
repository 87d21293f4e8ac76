namespace KvStore.Chaos.Checkers.Audits;

/// <summary>How much of something there was, and has to be.</summary>
/// <param name="Least">Below it the run is not valid.</param>
public sealed record Floor(string Name, long Count, long Least)
{
    public bool IsMet => Count >= Least;
}
