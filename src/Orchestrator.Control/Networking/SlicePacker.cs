using Orchestrator.Api.DiscoveryV1;
using EndpointPort = Orchestrator.Api.DiscoveryV1.EndpointPort;

namespace Orchestrator.Control.Networking;

/// <summary>What a service's endpoints are to be, for one address type and one set of ports.</summary>
internal sealed record EndpointGroup(string AddressType, IReadOnlyList<EndpointPort> Ports, IReadOnlyList<Endpoint> Endpoints);

/// <summary>Puts endpoints into slices of limited size with as few writes as can be, for each write goes to every node.</summary>
internal sealed class SlicePacker(
    int limit, Func<EndpointGroup, EndpointSlice> newSlice, Func<EndpointSlice, bool> syncMetadata)
{
    private readonly List<Intent> _deletes = [];
    private readonly List<EndpointSlice> _updates = [];
    private readonly List<EndpointSlice> _creates = [];

    /// <summary>The writes that lead from the slices that are there to the groups that shall be.</summary>
    public IReadOnlyList<Intent> Pack(IReadOnlyList<EndpointSlice> existing, IReadOnlyList<EndpointGroup> groups)
    {
        var left = existing.Where(slice => !slice.IsBeingDeleted).ToList();
        var surplus = new List<EndpointSlice>();
        foreach (var group in groups)
        {
            string key = KeyOf(group.AddressType, group.Ports);
            var slices = left.Where(slice => KeyOf(slice.AddressType ?? "", slice.Ports.OrEmpty()) == key).ToList();
            left.RemoveAll(slices.Contains);
            surplus.AddRange(PackGroup(slices, group));
        }
        surplus.AddRange(left);
        Recycle(surplus);
        _deletes.AddRange(surplus.Select(slice => new Delete(ObjectRef.To(slice))));
        return [.. _creates.Select(slice => new Create(slice)), .. _updates.Select(slice => new Update(slice)), .. _deletes];
    }

    /// <summary>The identity of a set of ports, whatever their order.</summary>
    public static string KeyOf(string addressType, IEnumerable<EndpointPort> ports) => addressType + "|" + string.Join("|",
        ports.Select(port => $"{port.Name}/{port.Port}/{port.Protocol}/{port.AppProtocol}").Order(StringComparer.Ordinal));

    /// <returns>Slices that are not needed any more.</returns>
    private List<EndpointSlice> PackGroup(List<EndpointSlice> slices, EndpointGroup group)
    {
        var wanted = new Dictionary<string, Endpoint>();
        foreach (var endpoint in group.Endpoints)
            wanted[IdentityOf(endpoint)] = endpoint;
        var touched = new List<EndpointSlice>();
        var untouched = new List<EndpointSlice>();
        var surplus = new List<EndpointSlice>();
        foreach (var slice in slices.OrderBy(slice => slice.Name, StringComparer.Ordinal))
        {
            var kept = Keep(slice, wanted, out bool isChanged);
            if (kept.Count == 0 && (slices.Count > surplus.Count + 1 || wanted.Count > 0) && group.Endpoints.Count > 0)
            {
                surplus.Add(slice);
                continue;
            }
            var changed = slice.DeepClone();
            changed.Endpoints = kept;
            isChanged |= syncMetadata(changed);
            (isChanged ? touched : untouched).Add(changed);
        }
        Fill(group, wanted, touched, untouched);
        _updates.AddRange(touched);
        if (group.Endpoints.Count > 0)
            return surplus;
        // Nothing to hold: one empty slice says that the service is known.
        var spare = touched.Concat(untouched).OrderBy(slice => slice.Name, StringComparer.Ordinal).Skip(1).ToList();
        _updates.RemoveAll(spare.Contains);
        if (touched.Count + untouched.Count == 0)
            _creates.Add(newSlice(group));
        return [.. surplus, .. slices.Where(slice => spare.Any(s => s.Uid == slice.Uid))];
    }

    /// <summary>The endpoints of a slice that are still wanted, in their newest form; they leave <paramref name="wanted"/>.</summary>
    private static List<Endpoint> Keep(EndpointSlice slice, Dictionary<string, Endpoint> wanted, out bool isChanged)
    {
        isChanged = false;
        var kept = new List<Endpoint>();
        foreach (var endpoint in slice.Endpoints.OrEmpty())
        {
            if (!wanted.Remove(IdentityOf(endpoint), out var now))
            {
                isChanged = true;
                continue;
            }
            isChanged |= !now.DeepEquals(endpoint);
            kept.Add(now);
        }
        return kept;
    }

    private void Fill(
        EndpointGroup group, Dictionary<string, Endpoint> wanted, List<EndpointSlice> touched, List<EndpointSlice> untouched)
    {
        var rest = new Queue<Endpoint>(wanted.Values);
        // Slices that are written anyway come first, the fullest before the others.
        foreach (var slice in touched.OrderByDescending(slice => slice.Endpoints!.Count))
            Pour(rest, slice);
        // What fits into one more slice goes into the one that it fills best.
        if (rest.Count > 0 && rest.Count < limit
            && untouched.Where(slice => slice.Endpoints!.Count + rest.Count <= limit)
                .OrderByDescending(slice => slice.Endpoints!.Count).FirstOrDefault() is { } best)
        {
            Pour(rest, best);
            untouched.Remove(best);
            touched.Add(best);
        }
        while (rest.Count > 0)
        {
            var slice = newSlice(group);
            slice.Endpoints = [];
            Pour(rest, slice);
            _creates.Add(slice);
        }
    }

    private void Pour(Queue<Endpoint> from, EndpointSlice into)
    {
        while (from.Count > 0 && into.Endpoints!.Count < limit)
            into.Endpoints.Add(from.Dequeue());
    }

    /// <summary>Writes what would be created into slices that would be deleted: one write instead of two.</summary>
    private void Recycle(List<EndpointSlice> surplus)
    {
        for (int i = _creates.Count - 1; i >= 0; i--)
        {
            var created = _creates[i];
            if (surplus.FirstOrDefault(slice => slice.AddressType == created.AddressType) is not { } old)
                continue;
            surplus.Remove(old);
            var changed = old.DeepClone();
            changed.Endpoints = created.Endpoints;
            changed.Ports = created.Ports;
            syncMetadata(changed);
            _updates.Add(changed);
            _creates.RemoveAt(i);
        }
    }

    private static string IdentityOf(Endpoint endpoint) =>
        $"{endpoint.TargetRef?.Uid}|{endpoint.TargetRef?.Name}|{string.Join(",", endpoint.Addresses.OrEmpty())}";
}
