using System.Globalization;
using System.Net;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Strategies;
using Orchestrator.Runtime.ApiServer.Writing;

namespace Orchestrator.Runtime.ApiServer.Services;

/// <summary>Gives services their addresses and node ports.</summary>
/// <remarks>Each is a key of its own under /registry/ranges: taken before the service is stored, given back when it is not, or
/// goes. A server that dies in between leaves a key without service; <see cref="ServiceRepair"/> frees it.</remarks>
internal sealed class ServiceAllocation(
    ReservedKeys addresses, ReservedKeys ports, ServiceRange range, int firstPort, int lastPort) : IStorageRule
{
    /// <summary>How many random places are tried before all are tried in order.</summary>
    private const int RandomTries = 8;

    private const string NoAddress = "None";

    public async Task<IClaim?> ClaimAsync(
        WriteContext context, IKubernetesObject value, IKubernetesObject? old, CancellationToken cancellationToken)
    {
        var service = (Service)value;
        var claim = new Claim(this, service, (Service?)old);
        try
        {
            await TakeAddressAsync(claim, service, (Service?)old, cancellationToken).ConfigureAwait(false);
            await TakePortsAsync(claim, service, (Service?)old, cancellationToken).ConfigureAwait(false);
            return claim;
        }
        catch
        {
            await claim.UndoAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task ReleaseAsync(IKubernetesObject old, CancellationToken cancellationToken)
    {
        var service = (Service)old;
        foreach (string address in AddressesOf(service))
            await addresses.ReleaseAsync(address, HolderOf(service), cancellationToken).ConfigureAwait(false);
        foreach (string port in PortsOf(service))
            await ports.ReleaseAsync(port, HolderOf(service), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Who a reservation is for.</summary>
    public static string HolderOf(Service service) => $"{service.Namespace}/{service.Name}/{service.Uid}";

    public static IEnumerable<string> AddressesOf(Service service) => ServiceStrategy.NeedsClusterIP(service.Spec)
        ? service.Spec.ClusterIPs.OrEmpty().Where(address => address is not ("" or NoAddress))
        : [];

    public static IEnumerable<string> PortsOf(Service service)
    {
        foreach (var port in service.Spec.Ports.OrEmpty())
        {
            if (port.NodePort is { } number and not 0)
                yield return KeyOf(number, port.Protocol ?? "TCP");
        }

        if (service.Spec.HealthCheckNodePort is { } health and not 0)
            yield return KeyOf(health, "TCP");
    }

    // A number may serve TCP and UDP side by side.
    private static string KeyOf(int port, string protocol) => string.Create(CultureInfo.InvariantCulture, $"{port}-{protocol}");

    private async Task TakeAddressAsync(Claim claim, Service service, Service? old, CancellationToken cancellationToken)
    {
        var spec = service.Spec;
        if (!ServiceStrategy.NeedsClusterIP(spec))
            return;
        string wanted = spec.ClusterIPs is { Count: > 0 } list ? list[0] : spec.ClusterIP ?? "";
        if (wanted == NoAddress)
        {
            spec.ClusterIP = NoAddress;
            spec.ClusterIPs = [NoAddress];
            SetFamilies(spec);
            return;
        }

        if (old is null || !AddressesOf(old).Contains(wanted))
        {
            wanted = wanted.Length > 0
                ? await TakeNamedAddressAsync(claim, service, wanted, cancellationToken).ConfigureAwait(false)
                : await TakeAnyAddressAsync(claim, service, cancellationToken).ConfigureAwait(false);
        }

        spec.ClusterIP = wanted;
        spec.ClusterIPs = [wanted];
        SetFamilies(spec);
    }

    private void SetFamilies(ServiceSpec spec)
    {
        spec.IpFamilies ??= [range.IsIPv6 ? "IPv6" : "IPv4"];
        // One family is what there is: who prefers two gets one.
        spec.IpFamilyPolicy ??= "SingleStack";
    }

    private async Task<string> TakeNamedAddressAsync(
        Claim claim, Service service, string wanted, CancellationToken cancellationToken)
    {
        if (!IPAddress.TryParse(wanted, out var address))
            throw AddressRefused(service, wanted, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        if (!range.Contains(address))
            throw AddressRefused(
                service, wanted,
                $"failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid range. The range of valid IPs is {range}");
        return await claim.TakeAddressAsync(wanted, cancellationToken).ConfigureAwait(false)
            ? wanted
            : throw AddressRefused(service, wanted, $"failed to allocate IP {wanted}: provided IP is already allocated");
    }

    private async Task<string> TakeAnyAddressAsync(Claim claim, Service service, CancellationToken cancellationToken)
    {
        int start = range.DynamicStart;
        for (int attempt = 0; attempt < RandomTries; attempt++)
        {
            string candidate = range.At(Random.Shared.Next(start, range.Size)).ToString();
            if (await claim.TakeAddressAsync(candidate, cancellationToken).ConfigureAwait(false))
                return candidate;
        }

        // Nearly full: what is free is looked up. The part for named addresses comes last.
        var taken = await addresses.ListAsync(cancellationToken).ConfigureAwait(false);
        foreach (int index in Enumerable.Range(start, range.Size - start).Concat(Enumerable.Range(1, Math.Max(0, start - 1))))
        {
            string candidate = range.At(index).ToString();
            if (!taken.ContainsKey(candidate)
                && await claim.TakeAddressAsync(candidate, cancellationToken).ConfigureAwait(false))
                return candidate;
        }

        throw ApiErrors.InternalError($"failed to allocate a serviceIP: range is full for service {service.Name}");
    }

    private static ApiException AddressRefused(Service service, string value, string text) => ApiErrors.Invalid(
        new GroupKind("", "Service"), service.Name,
        [FieldError.Invalid(FieldPath.Of("spec", "clusterIPs"), new System.Text.Json.Nodes.JsonArray(value), text)]);

    private async Task TakePortsAsync(Claim claim, Service service, Service? old, CancellationToken cancellationToken)
    {
        var spec = service.Spec;
        var held = old is null ? [] : PortsOf(old).ToHashSet(StringComparer.Ordinal);
        var taken = new HashSet<string>(held, StringComparer.Ordinal);
        var list = spec.Ports.OrEmpty();
        bool needsPorts = ServiceStrategy.NeedsNodePorts(spec);
        for (int index = 0; index < list.Count; index++)
        {
            var port = list[index];
            if (port.NodePort is { } number and not 0)
            {
                if (taken.Add(KeyOf(number, port.Protocol ?? "TCP")))
                    await TakeNamedPortAsync(claim, service, index, number, port.Protocol ?? "TCP", cancellationToken)
                        .ConfigureAwait(false);
            }
            else if (needsPorts)
            {
                port.NodePort = await TakeAnyPortAsync(
                    claim, service, port.Protocol ?? "TCP", NumberInUse(list, index), taken, cancellationToken).ConfigureAwait(false);
            }
        }

        if (ServiceStrategy.NeedsHealthCheckNodePort(spec) && spec.HealthCheckNodePort is null or 0)
            spec.HealthCheckNodePort = await TakeAnyPortAsync(claim, service, "TCP", null, taken, cancellationToken).ConfigureAwait(false);
        else if (spec.HealthCheckNodePort is { } health and not 0 && taken.Add(KeyOf(health, "TCP")))
            await TakeNamedPortAsync(claim, service, -1, health, "TCP", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ports of one number and two protocols share their node port's number.</summary>
    private static int? NumberInUse(List<ServicePort> list, int index) => list
        .Where((port, other) => other != index && port.Port == list[index].Port && port.Protocol != list[index].Protocol)
        .Select(port => port.NodePort).FirstOrDefault(number => number is not (null or 0));

    private async Task TakeNamedPortAsync(
        Claim claim, Service service, int index, int number, string protocol, CancellationToken cancellationToken)
    {
        var path = index < 0
            ? FieldPath.Of("spec", "healthCheckNodePort")
            : FieldPath.Of("spec", "ports").Index(index).Child("nodePort");
        if (number < firstPort || number > lastPort)
            throw PortRefused($"provided port is not in the valid range. The range of valid ports is {firstPort}-{lastPort}");
        if (!await claim.TakePortAsync(KeyOf(number, protocol), cancellationToken).ConfigureAwait(false))
            throw PortRefused("provided port is already allocated");

        ApiException PortRefused(string text) =>
            ApiErrors.Invalid(new GroupKind("", "Service"), service.Name, [FieldError.Invalid(path, number, text)]);
    }

    /// <summary>How many ports at the range's beginning are chosen for nobody while there are others: a 32nd of all, 16 to 128.</summary>
    private int NamedPorts
    {
        get
        {
            int size = lastPort - firstPort + 1;
            return size <= 16 ? 0 : Math.Clamp(size / 32, 16, 128) is var named && named < size ? named : 0;
        }
    }

    private async Task<int> TakeAnyPortAsync(
        Claim claim, Service service, string protocol, int? preferred, HashSet<string> own, CancellationToken cancellationToken)
    {
        if (preferred is { } same && await TryAsync(same).ConfigureAwait(false))
            return same;
        for (int attempt = 0; attempt < RandomTries; attempt++)
        {
            // The first part is left to services that name their port, as with addresses and as in Kubernetes.
            int candidate = Random.Shared.Next(firstPort + NamedPorts, lastPort + 1);
            if (await TryAsync(candidate).ConfigureAwait(false))
                return candidate;
        }

        var taken = await ports.ListAsync(cancellationToken).ConfigureAwait(false);
        for (int candidate = firstPort; candidate <= lastPort; candidate++)
        {
            if (!taken.ContainsKey(KeyOf(candidate, protocol)) && await TryAsync(candidate).ConfigureAwait(false))
                return candidate;
        }

        throw ApiErrors.InternalError($"failed to allocate a nodePort: range is full for service {service.Name}");

        async Task<bool> TryAsync(int number) => !own.Contains(KeyOf(number, protocol))
            && await claim.TakePortAsync(KeyOf(number, protocol), cancellationToken).ConfigureAwait(false)
            && own.Add(KeyOf(number, protocol));
    }

    private sealed class Claim(ServiceAllocation allocation, Service service, Service? old) : IClaim
    {
        private readonly List<(ReservedKeys Keys, string Item)> _taken = [];

        // The uid is the old object's on updates: what was claimed for it stays its own.
        private readonly string _holder = HolderOf(old ?? service);

        public Task<bool> TakeAddressAsync(string address, CancellationToken cancellationToken) =>
            TakeAsync(allocation.Addresses, address, cancellationToken);

        public Task<bool> TakePortAsync(string port, CancellationToken cancellationToken) =>
            TakeAsync(allocation.Ports, port, cancellationToken);

        public async Task CommitAsync(CancellationToken cancellationToken)
        {
            if (old is null)
                return;
            foreach (string address in AddressesOf(old).Except(AddressesOf(service)))
                await allocation.Addresses.ReleaseAsync(address, _holder, cancellationToken).ConfigureAwait(false);
            foreach (string port in PortsOf(old).Except(PortsOf(service)))
                await allocation.Ports.ReleaseAsync(port, _holder, cancellationToken).ConfigureAwait(false);
        }

        public async Task UndoAsync()
        {
            foreach (var (keys, item) in _taken)
                await keys.ReleaseAsync(item, _holder, CancellationToken.None).ConfigureAwait(false);
            _taken.Clear();
        }

        private async Task<bool> TakeAsync(ReservedKeys keys, string item, CancellationToken cancellationToken)
        {
            if (!await keys.TryTakeAsync(item, _holder, cancellationToken).ConfigureAwait(false))
                return false;
            _taken.Add((keys, item));
            return true;
        }
    }

    private ReservedKeys Addresses => addresses;

    private ReservedKeys Ports => ports;
}
