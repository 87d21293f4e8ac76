using System.ComponentModel;
using System.Diagnostics;
using Orchestrator.Runtime.Kubelet;

namespace Orchestrator.Runtime.Proxy;

/// <summary>Runs the system's programs in a network namespace.</summary>
internal sealed class NamespaceCommand(NetworkNamespace? network)
{
    private const int NotFound = 127;

    // A transaction of thousands of services takes a second on a busy machine; what takes longer than this is stuck.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public readonly record struct Result(int ExitCode, string Output, string Error)
    {
        /// <summary>Its complaint, in one line.</summary>
        public string Reason => Error.AsSpan().Trim() is { Length: > 0 } error
            ? error.ToString().Split('\n')[0]
            : $"exit code {ExitCode}";
    }

    /// <param name="input">What it reads; it is written whole before anything is read, so the program must read it first.</param>
    /// <exception cref="ServiceProxyException">It is not installed, or does not end.</exception>
    public async Task<Result> RunAsync(string program, string[] arguments, string input = "")
    {
        var start = network is null
            ? new ProcessStartInfo(program, arguments)
            : new ProcessStartInfo("nsenter", [$"--net={network.Path}", program, .. arguments]);
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Start(start);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        try
        {
            using var limit = new CancellationTokenSource(Limit);
            await WriteAsync(process, input, limit.Token);
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new ServiceProxyException($"{program} did not end within {Limit.TotalSeconds} s");
        }
        var result = new Result(process.ExitCode, await output, await error);
        return network is null || result.ExitCode != NotFound ? result : throw Missing(program);
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            throw Missing(start.FileName);
        }
    }

    private static async Task WriteAsync(Process process, string input, CancellationToken cancellation)
    {
        try
        {
            await process.StandardInput.WriteAsync(input.AsMemory(), cancellation);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended without reading: its exit code tells why.
        }
    }

    private static string PackageOf(string program) => program switch
    {
        "nft" => "nftables",
        "ip" => "iproute2",
        "modprobe" => "kmod",
        _ => "util-linux",
    };

    private static ServiceProxyException Missing(string program) =>
        new($"{program} is not installed: apt-get install {PackageOf(program)}");
}
