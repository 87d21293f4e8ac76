using Microsoft.Extensions.Logging;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.ApiServer.Services;

/// <summary>Brings reservations and services together again: frees what no service holds, takes what a service has and nobody
/// noted.</summary>
/// <remarks>A reservation is freed only if it was without service in two rounds: one whose service is just being stored is
/// none.</remarks>
internal sealed partial class ServiceRepair : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(3);

    private readonly ReservedKeys _addresses;
    private readonly ReservedKeys _ports;
    private readonly IObjectReader _objects;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;
    private HashSet<(string Item, string Holder)> _suspects = [];

    public ServiceRepair(ReservedKeys addresses, ReservedKeys ports, IObjectReader objects, TimeProvider clock, ILogger log)
    {
        _addresses = addresses;
        _ports = ports;
        _objects = objects;
        _clock = clock;
        _log = log;
        _run = Task.Run(RunAsync);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    /// <summary>One round.</summary>
    internal async Task RepairAsync(CancellationToken cancellationToken)
    {
        // Reservations first: a service that is stored after this look has its reservation in it, or is found by the second.
        var takenAddresses = await _addresses.ListAsync(cancellationToken).ConfigureAwait(false);
        var takenPorts = await _ports.ListAsync(cancellationToken).ConfigureAwait(false);
        var services = await _objects.ListAsync<Service>(cancellationToken: cancellationToken).ConfigureAwait(false);
        var suspects = new HashSet<(string, string)>();
        await RepairAsync(_addresses, takenAddresses, services, ServiceAllocation.AddressesOf, suspects, cancellationToken)
            .ConfigureAwait(false);
        await RepairAsync(_ports, takenPorts, services, ServiceAllocation.PortsOf, suspects, cancellationToken).ConfigureAwait(false);
        _suspects = suspects;
    }

    private async Task RepairAsync(
        ReservedKeys keys, IReadOnlyDictionary<string, string> taken, IReadOnlyList<Service> services,
        Func<Service, IEnumerable<string>> itemsOf, HashSet<(string, string)> suspects, CancellationToken cancellationToken)
    {
        var held = services.SelectMany(service => itemsOf(service).Select(item => (item, ServiceAllocation.HolderOf(service)))).ToHashSet();
        foreach (var (item, holder) in held)
        {
            if (!taken.ContainsKey(item) && await keys.TryTakeAsync(item, holder, cancellationToken).ConfigureAwait(false))
                LogTaken(item, holder);
        }

        foreach (var (item, holder) in taken)
        {
            if (held.Contains((item, holder)))
                continue;
            if (_suspects.Contains((item, holder)))
            {
                await keys.ReleaseAsync(item, holder, cancellationToken).ConfigureAwait(false);
                LogFreed(item, holder);
            }
            else
            {
                suspects.Add((item, holder));
            }
        }
    }

    private async Task RunAsync()
    {
        while (true)
        {
            await Task.Delay(Interval, _clock, _stop.Token).ConfigureAwait(false);
            try
            {
                await RepairAsync(_stop.Token).ConfigureAwait(false);
            }
            catch (Exception exception) when (!_stop.IsCancellationRequested)
            {
                LogFailed(exception);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{item} of {holder} was not reserved and is now")]
    private partial void LogTaken(string item, string holder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{item} was reserved for {holder}, which is not there, and is free now")]
    private partial void LogFreed(string item, string holder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the reservations of services were not repaired; the next round tries again")]
    private partial void LogFailed(Exception exception);
}
