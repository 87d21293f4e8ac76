using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Runtime.Kubelet.Cri;

namespace Orchestrator.Runtime.Hollow;

/// <summary>What a pod's annotations tell the pretend runtime.</summary>
/// <remarks>
/// All begin with <see cref="Prefix"/>. They mean every regular container of the pod; with <c>.NAME</c> behind, the container of
/// that name, init containers and sidecars too.
/// <list type="table">
/// <item><term>ready-after</term><description>how long a start takes: <c>5s</c>, <c>250ms</c></description></item>
/// <item><term>exit-after</term><description>how long it runs; written while it runs, counted from then</description></item>
/// <item><term>exit-code</term><description>what it ends with; 0 by default</description></item>
/// <item><term>fail</term><description><c>pull</c>, <c>create</c> or <c>start</c> fails, or (<c>exit</c>) it ends with 1 as soon as it runs; written while it runs, at once</description></item>
/// <item><term>restart</term><description>a new value while it runs ends it: the restart policy brings it up again</description></item>
/// <item><term>stop-after</term><description>how long it takes to obey a stop; it is killed when the grace is over</description></item>
/// <item><term>probes</term><description><c>fail</c>: probes over the network fail</description></item>
/// <item><term>cpu, memory</term><description>what it uses: <c>250m</c>, <c>64Mi</c></description></item>
/// </list>
/// </remarks>
internal sealed class HollowAnnotations(IReadOnlyDictionary<string, string> annotations, string container)
{
    public const string Prefix = "hollow.orchestrator/";

    private readonly bool _isRegular = annotations.GetValueOrDefault(CriAnnotations.ContainerKind, CriAnnotations.RegularContainer)
        == CriAnnotations.RegularContainer;

    public TimeSpan? ReadyAfter => Duration("ready-after");

    public TimeSpan? ExitAfter => Duration("exit-after");

    public int? ExitCode => int.TryParse(Text("exit-code"), CultureInfo.InvariantCulture, out int code) ? code & 0xFF : null;

    public string? Fail => Text("fail");

    public string? Restart => Text("restart");

    public TimeSpan? StopAfter => Duration("stop-after");

    public bool ProbesFail => Text("probes") == "fail";

    public long? CpuNanoCores => Quantity.TryParse(Text("cpu"), out Quantity cpu) ? cpu.MilliValue * 1_000_000 : null;

    public long? MemoryBytes => Quantity.TryParse(Text("memory"), out Quantity memory) ? memory.Value : null;

    /// <summary>A duration as Go writes it, or plain seconds.</summary>
    public static TimeSpan? ParseDuration(string? text) =>
        string.IsNullOrEmpty(text) ? null : GoDuration.Parse(char.IsAsciiDigit(text[^1]) ? text + "s" : text);

    private TimeSpan? Duration(string key) => ParseDuration(Text(key));

    private string? Text(string key) =>
        annotations.TryGetValue($"{Prefix}{key}.{container}", out string? own) ? own
        : _isRegular && annotations.TryGetValue(Prefix + key, out string? all) ? all
        : null;
}
