using System.Text;
using Microsoft.AspNetCore.Http;

namespace Orchestrator.Runtime.Streams;

/// <summary>What an exec or attach request asks for.</summary>
public sealed record RemoteCommandOptions
{
    /// <summary>The program and its arguments; empty for attach.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    public bool Stdin { get; init; }
    public bool Stdout { get; init; }
    public bool Stderr { get; init; }

    /// <summary>A terminal has one output: with it, <see cref="Stderr"/> is never asked for.</summary>
    public bool Tty { get; init; }

    /// <summary>A session without any of the three streams is refused.</summary>
    public bool HasStreams => Stdin || Stdout || Stderr;

    /// <summary>Reads the API's names (stdin, stdout, stderr) and the kubelet's (input, output, error).</summary>
    public static RemoteCommandOptions FromQuery(IQueryCollection query)
    {
        bool tty = IsSet(query, "tty");
        return new RemoteCommandOptions
        {
            Command = [.. query["command"].Select(part => part ?? "")],
            Stdin = IsSet(query, "stdin") || IsSet(query, "input"),
            Stdout = IsSet(query, "stdout") || IsSet(query, "output"),
            Stderr = !tty && (IsSet(query, "stderr") || IsSet(query, "error")),
            Tty = tty,
        };
    }

    /// <summary>The query, without its question mark, in the kubelet's names.</summary>
    public string ToKubeletQuery()
    {
        var query = new StringBuilder();
        foreach (string part in Command)
            query.Append("command=").Append(Uri.EscapeDataString(part)).Append('&');
        query.Append(Stdin ? "input=1&" : "").Append(Stdout ? "output=1&" : "").Append(Stderr ? "error=1&" : "").Append(Tty ? "tty=1&" : "");
        return query.ToString().TrimEnd('&');
    }

    private static bool IsSet(IQueryCollection query, string name) => query[name].ToString() is "1" or "true" or "True" or "TRUE" or "t" or "T";
}
