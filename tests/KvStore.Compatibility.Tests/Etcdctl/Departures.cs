namespace KvStore.Compatibility.Tests.Etcdctl;

/// <summary>What 3.6, and so ours, tells etcdctl otherwise than the 3.5 that it is compared with.</summary>
internal static class Departures
{
    private static readonly Departure[] Table =
    [
    ];

    /// <summary>What 3.6 would have answered, given what 3.5 did.</summary>
    public static string Apply(string command, string answer)
    {
        foreach (var departure in Table)
        {
            if (command.StartsWith(departure.Command, StringComparison.Ordinal))
                answer = answer.Replace(departure.In35, departure.In36, StringComparison.Ordinal);
        }
        return answer;
    }

    /// <param name="Command">How the command begins.</param>
    /// <param name="Reason">Why it is right.</param>
    private sealed record Departure(string Command, string In35, string In36, string Reason);
}
