using System.Diagnostics;

namespace Orchestrator.Runtime.Tests.ApiServer.Support;

/// <summary>The machine's own kubectl against one server, with a home of its own.</summary>
internal sealed class KubectlRun : IDisposable
{
    private const string Binary = "/usr/bin/kubectl";

    /// <summary>Longer than any command takes by itself on a busy machine; its first one reads all that the server can.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly string _directory = Directory.CreateTempSubdirectory("orchestrator-kubectl-").FullName;

    public KubectlRun(Uri server)
    {
        File.WriteAllText(Path.Combine(_directory, "config"), $$"""
            apiVersion: v1
            kind: Config
            clusters: [{name: c, cluster: {server: "{{server.GetLeftPart(UriPartial.Authority)}}", insecure-skip-tls-verify: true} }]
            users: [{name: u, user: {token: t} }]
            contexts: [{name: c, context: {cluster: c, user: u} }]
            current-context: c
            """);
    }

    public static bool IsInstalled => File.Exists(Binary);

    /// <summary>Writes a file for <c>-f</c>.</summary>
    public string Write(string name, string text)
    {
        string path = Path.Combine(_directory, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Runs one command; both streams together.</summary>
    public async Task<(int Code, string Output)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Binary, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["KUBECONFIG"] = Path.Combine(_directory, "config");
        start.Environment["KUBECACHEDIR"] = Path.Combine(_directory, "cache");
        start.Environment["HOME"] = _directory;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            process.Kill();
            throw new TimeoutException($"kubectl {string.Join(' ', arguments)} did not end:\n{await output}\n{await errors}");
        }

        return (process.ExitCode, await output + await errors);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
