using System.Diagnostics;
using System.Text;
using KvStore.Testing;

namespace Orchestrator.Runtime.Tests.Streams;

/// <summary>Runs a kubectl that is installed on this machine.</summary>
internal sealed class Kubectl(string version, Uri server) : IDisposable
{
    private const string Folder = "/usr/lib/google-cloud-sdk/bin";
    private readonly string _home = Directory.CreateTempSubdirectory("kubectl-").FullName;

    /// <summary>The versions whose streams differ, and for the long lane all.</summary>
    public static IReadOnlyList<string> Versions { get; } =
    [
        .. Lanes.IsLong ? ["1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33"]
            : Lanes.IsFast ? new[] { "1.29", "1.33" }
            : ["1.27", "1.29", "1.30", "1.31", "1.33"],
    ];

    public static bool IsInstalled => File.Exists($"{Folder}/kubectl.1.33");

    public Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo($"{Folder}/kubectl.{version}")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HOME"] = _home;
        start.Environment.Remove("KUBECONFIG");
        // Named before the rest: what follows "--" belongs to the command. The token keeps it from asking for a password.
        foreach (string argument in (string[])["--server", server.ToString(), "--insecure-skip-tls-verify", "--token", "t", .. arguments])
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    public async Task<(int ExitCode, string Output, string Errors)> RunAsync(byte[]? input, params string[] arguments)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3)); // Only how long a broken one hangs.
        using Process process = Start(arguments);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
            Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
            if (input is not null)
                await process.StandardInput.BaseStream.WriteAsync(input, limit.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await output, await errors);
        }
        catch
        {
            process.Kill();
            throw;
        }
    }

    public void Dispose() => Directory.Delete(_home, recursive: true);

    public static string Text(int seed, int bytes)
    {
        var text = new StringBuilder(bytes);
        var random = new Random(seed);
        while (text.Length < bytes)
            text.Append(random.NextInt64().ToString("x16")).Append('\n');
        return text.ToString();
    }
}
