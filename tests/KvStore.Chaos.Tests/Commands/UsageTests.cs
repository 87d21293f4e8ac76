using System.Diagnostics;
using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Tests.Commands;

/// <summary>Who calls the program wrongly is told so, and not that the store is broken.</summary>
public sealed class UsageTests
{
    [Theory]
    [InlineData("there is no fault nope", "run", "--faults", "nope")]
    [InlineData("'4'", "run", "--members", "4")]
    [InlineData("--sed", "run", "--sed", "1")]
    public async Task A_wrong_option_is_no_violation(string named, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "chaos"), arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };

        using var run = Process.Start(start) ?? throw new InvalidOperationException("chaos did not start");
        string error = await run.StandardError.ReadToEndAsync();
        await run.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));

        Assert.Equal(ExitCodes.WrongUsage, run.ExitCode);
        Assert.Contains(named, error);
    }
}
