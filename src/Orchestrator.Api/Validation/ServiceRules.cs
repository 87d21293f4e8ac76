using System.Globalization;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.Defaulting;
using Orchestrator.Api.DiscoveryV1;
using Orchestrator.Api.Strategies;

namespace Orchestrator.Api.Validation;

/// <summary>Services, and the lists of their backends.</summary>
internal static class ServiceRules
{
    private const string ForLoadBalancers = "may only be used when `type` is 'LoadBalancer'";
    private const string Once = "may not change once set";
    private const int AffinitySecondsLimit = 86400;
    private static readonly string[] _protocols = ["SCTP", "TCP", "UDP"];

    public static void Check(Field root, Service service)
    {
        var field = root["spec"];
        var spec = service.Spec;
        var ports = spec.Ports.OrEmpty();
        if (ports.Count == 0 && !IsHeadless(spec) && spec.Type != "ExternalName")
            field["ports"].Required();
        CheckType(field, spec);
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, port) in ports.Index())
            CheckPort(field["ports"][index], port, ports.Count > 1, names);
        MetadataRules.CheckLabels(field["selector"], spec.Selector);
        CheckAffinity(field, spec);
        CheckClusterIPs(field, spec);
        foreach (var (index, ip) in spec.ExternalIPs.OrEmpty().Index())
            CheckOrdinaryAddress(field["externalIPs"][index], ip);
        field["type"].OneOf(spec.Type, "ClusterIP", "ExternalName", "LoadBalancer", "NodePort");
        CheckDuplicatePorts(field["ports"], spec);
        CheckLoadBalancer(field, spec);
        CheckTrafficPolicies(field, spec);
        field["trafficDistribution"].OneOfOrAbsent(spec.TrafficDistribution, "PreferClose", "PreferSameNode", "PreferSameZone");
    }

    public static void CheckUpdate(Field root, Service service, Service old)
    {
        var field = root["spec"];
        CheckClusterIPsKept(field, service.Spec, old.Spec);
        if (service.Spec.Type == "LoadBalancer" && old.Spec.Type == "LoadBalancer"
            && service.Spec.LoadBalancerClass != old.Spec.LoadBalancerClass)
            field["loadBalancerClass"].Invalid(service.Spec.LoadBalancerClass, Once);
        if (ServiceStrategy.NeedsHealthCheckNodePort(service.Spec) && ServiceStrategy.NeedsHealthCheckNodePort(old.Spec)
            && service.Spec.HealthCheckNodePort != old.Spec.HealthCheckNodePort)
            field["healthCheckNodePort"].Forbidden(Field.Immutable);
    }

    public static void CheckStatusUpdate(Field root, Service service, Service old)
    {
        var field = root["status"]["loadBalancer"]["ingress"];
        var points = (service.Status.LoadBalancer?.Ingress).OrEmpty();
        if (service.Spec.Type != "LoadBalancer" && points.Count > 0)
        {
            field.Forbidden("may only be used when `spec.type` is 'LoadBalancer'");
            return;
        }
        foreach (var (index, point) in points.Index())
        {
            bool hasIP = !string.IsNullOrEmpty(point.Ip);
            field[index]["ip"].NamedOrAbsent(point.Ip, NameRules.IpAddress);
            if (hasIP && point.IpMode is null)
                field[index]["ipMode"].Required("must be specified when `ip` is set");
            else if (!hasIP && point.IpMode is not null)
                field[index]["ipMode"].Forbidden("may not be specified when `ip` is not set");
            else
                field[index]["ipMode"].OneOfOrAbsent(point.IpMode, "Proxy", "VIP");
            CheckHostname(field[index]["hostname"], point.Hostname);
        }
    }

    public static void CheckHostname(Field field, string? name)
    {
        field.NamedOrAbsent(name, NameRules.DnsSubdomain);
        if (Addresses.TryParse(name, out _))
            field.Invalid(name, "must be a DNS name, not an IP address");
    }

    /// <summary>An address that other machines can reach: not this machine, not this link, not none.</summary>
    public static void CheckOrdinaryAddress(Field field, string text)
    {
        var faults = NameRules.IpAddress(text);
        field.Invalid(text, faults);
        if (faults.Count > 0 || !Addresses.TryParse(text, out var address))
            return;
        if (Addresses.IsUnspecified(address))
            field.Invalid(text, $"may not be unspecified ({text})");
        if (Addresses.IsLoopback(address))
            field.Invalid(text, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
        if (Addresses.IsLinkLocalUnicast(address))
            field.Invalid(text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
        if (Addresses.IsLinkLocalMulticast(address))
            field.Invalid(text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
    }

    private static bool IsHeadless(ServiceSpec spec) => spec.ClusterIPs is ["None"];

    private static void CheckType(Field field, ServiceSpec spec)
    {
        switch (spec.Type)
        {
            case "LoadBalancer" or "NodePort":
                if (IsHeadless(spec))
                    field["clusterIPs"][0].Invalid("None", $"may not be set to 'None' for {spec.Type} services");
                break;
            case "ExternalName":
                const string text = "may not be set for ExternalName services";
                if (spec.ClusterIPs is { Count: > 0 })
                    field["clusterIPs"].Forbidden(text);
                if (spec.IpFamilies is { Count: > 0 })
                    field["ipFamilies"].Forbidden(text);
                if (spec.IpFamilyPolicy is not null)
                    field["ipFamilyPolicy"].Forbidden(text);
                string name = spec.ExternalName ?? "";
                field["externalName"].Named(name.EndsWith('.') ? name[..^1] : name, NameRules.DnsSubdomain);
                break;
        }
    }

    private static void CheckPort(Field field, ServicePort port, bool needsName, HashSet<string> names)
    {
        if (!string.IsNullOrEmpty(port.Name))
        {
            field["name"].Invalid(port.Name, NameRules.DnsLabel(port.Name));
            if (!names.Add(port.Name))
                field["name"].Duplicate(port.Name);
        }
        else if (needsName)
            field["name"].Required();
        field["port"].PortNumber(port.Port);
        field["protocol"].OneOf(port.Protocol, _protocols);
        field["targetPort"].Port(port.TargetPort);
        if (port.AppProtocol is { } protocol)
            field["appProtocol"].Invalid(protocol, NameRules.QualifiedName(protocol));
    }

    private static void CheckAffinity(Field field, ServiceSpec spec)
    {
        field["sessionAffinity"].OneOf(spec.SessionAffinity, "ClientIP", "None");
        var config = field["sessionAffinityConfig"];
        if (spec.SessionAffinity == "None" && spec.SessionAffinityConfig is not null)
            config.Forbidden("must not be set when session affinity is None");
        if (spec.SessionAffinity != "ClientIP")
            return;
        if (spec.SessionAffinityConfig?.ClientIP?.TimeoutSeconds is not { } seconds)
            config.Required("when session affinity type is ClientIP");
        else if (seconds is <= 0 or > AffinitySecondsLimit)
            config["clientIP"]["timeoutSeconds"].Invalid(seconds, string.Create(CultureInfo.InvariantCulture,
                $"must be greater than 0 and less than {AffinitySecondsLimit}"));
    }

    private static void CheckClusterIPs(Field field, ServiceSpec spec)
    {
        if (spec.Type == "ExternalName")
            return;
        var place = field["clusterIPs"];
        var ips = spec.ClusterIPs.OrEmpty();
        if (!string.IsNullOrEmpty(spec.ClusterIP))
        {
            if (ips.Count == 0)
                place.Required();
            else if (ips[0] != spec.ClusterIP)
                place.Invalid(GoLiteral.Of(ips), "first value must match `clusterIP`");
        }
        else if (ips.Count > 0)
            place.Invalid(GoLiteral.Of(ips), "must be empty when `clusterIP` is not specified");
        CheckFamilies(field["ipFamilies"], spec);
        field["ipFamilyPolicy"].OneOfOrAbsent(spec.IpFamilyPolicy, "PreferDualStack", "RequireDualStack", "SingleStack");
        if (CheckEachIP(place, ips))
            CheckStacks(place, ips, spec);
    }

    private static void CheckFamilies(Field field, ServiceSpec spec)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, family) in spec.IpFamilies.OrEmpty().Index())
        {
            field[index].OneOf(family, "IPv4", "IPv6");
            if (!seen.Add(family))
                field[index].Duplicate(family);
        }
    }

    private static bool CheckEachIP(Field field, List<string> ips)
    {
        int before = field.FaultCount;
        foreach (var (index, ip) in ips.Index())
        {
            if (index != 0 || ip != "None")
                field[index].Invalid(ip, NameRules.IpAddress(ip));
            else if (ips.Count > 1)
                field.Invalid(GoLiteral.Of(ips), "'None' must be the first and only value");
        }
        bool isSound = field.FaultCount == before;
        if (ips.Count > 2)
            field.Invalid(GoLiteral.Of(ips), "may only hold up to 2 values");
        return isSound;
    }

    private static void CheckStacks(Field field, List<string> ips, ServiceSpec spec)
    {
        if (ips.Count > 1 && ips.Select(IsIPv4).Distinct().Count() < 2)
            field.Invalid(GoLiteral.Of(ips), "may specify no more than one IP for each IP family");
        if (IsHeadless(spec))
            return;
        foreach (var (index, (ip, family)) in ips.Zip(spec.IpFamilies.OrEmpty()).Index())
        {
            if (family is "IPv4" or "IPv6" && IsIPv4(ip) != (family == "IPv4"))
                field[index].Invalid(ip, string.Create(CultureInfo.InvariantCulture,
                    $"expected an {family} value as indicated by `ipFamilies[{index}]`"));
        }
    }

    private static bool IsIPv4(string ip) => Addresses.TryParse(ip, out var address) && address.IsIPv4;

    private static void CheckDuplicatePorts(Field field, ServiceSpec spec)
    {
        var nodePorts = new HashSet<(string?, int)>();
        var ports = new HashSet<(string?, int)>();
        foreach (var (index, port) in spec.Ports.OrEmpty().Index())
        {
            int nodePort = port.NodePort ?? 0;
            if (spec.Type == "ClusterIP" && nodePort != 0)
                field[index]["nodePort"].Forbidden("may not be used when `type` is 'ClusterIP'");
            if (nodePort != 0 && !nodePorts.Add((port.Protocol, nodePort)))
                field[index]["nodePort"].Duplicate(nodePort);
            if (!ports.Add((port.Protocol, port.Port ?? 0)))
                field[index].Duplicate(GoLiteral.Raw(string.Create(CultureInfo.InvariantCulture,
                    $"core.ServicePort{{Name:\"\", Protocol:{GoText.Quote(port.Protocol ?? "")}, AppProtocol:(*string)(nil), Port:{port.Port ?? 0}, TargetPort:intstr.IntOrString{{Type:0, IntVal:0, StrVal:\"\"}}, NodePort:0}}")));
        }
    }

    private static void CheckLoadBalancer(Field field, ServiceSpec spec)
    {
        bool isLoadBalancer = spec.Type == "LoadBalancer";
        var ranges = spec.LoadBalancerSourceRanges.OrEmpty();
        if (ranges.Count > 0 && !isLoadBalancer)
            field["LoadBalancerSourceRanges"].Forbidden(ForLoadBalancers);
        foreach (var (index, range) in ranges.Index())
            field["LoadBalancerSourceRanges"][index].Invalid(range.Trim(), NameRules.Cidr(range.Trim()));
        if (spec.AllocateLoadBalancerNodePorts is not null && !isLoadBalancer)
            field["allocateLoadBalancerNodePorts"].Forbidden(ForLoadBalancers);
        if (spec.LoadBalancerClass is not { } name)
            return;
        if (isLoadBalancer)
            field["loadBalancerClass"].Invalid(name, NameRules.QualifiedName(name));
        else
            field["loadBalancerClass"].Forbidden(ForLoadBalancers);
    }

    private static void CheckTrafficPolicies(Field field, ServiceSpec spec)
    {
        if (ServiceDefaults.IsReachedFromOutside(spec))
            field["externalTrafficPolicy"].OneOf(spec.ExternalTrafficPolicy, "Cluster", "Local");
        else if (!string.IsNullOrEmpty(spec.ExternalTrafficPolicy))
            field["externalTrafficPolicy"].Invalid(spec.ExternalTrafficPolicy, "may only be set for externally-accessible services");
        // The port is allocated after validation where it is left open, so only a wrong one is a fault.
        if (spec.HealthCheckNodePort is { } port and not 0)
        {
            if (!ServiceStrategy.NeedsHealthCheckNodePort(spec))
                field["healthCheckNodePort"].Invalid(
                    port, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
            else
                field["healthCheckNodePort"].PortNumber(port);
        }
        if (spec.InternalTrafficPolicy is null && spec.Type is "NodePort" or "LoadBalancer" or "ClusterIP")
        {
            if (spec.InternalTrafficPolicy is null)
                field["internalTrafficPolicy"].Required();
        }
        field["internalTrafficPolicy"].OneOfOrAbsent(spec.InternalTrafficPolicy, "Cluster", "Local");
    }

    // The second address may come and go, the first stays.
    private static void CheckClusterIPsKept(Field field, ServiceSpec spec, ServiceSpec old)
    {
        if (spec.Type == "ExternalName" || old.Type == "ExternalName" || (IsHeadless(spec) && IsHeadless(old)))
            return;
        var (ips, before) = (spec.ClusterIPs.OrEmpty(), old.ClusterIPs.OrEmpty());
        var place = field["clusterIPs"];
        if (ips.Count == before.Count)
        {
            foreach (var (index, (ip, oldIP)) in ips.Zip(before).Index())
            {
                if (ip != oldIP)
                    place[index].Invalid(GoLiteral.Of(ips), Once);
            }
        }
        else if (before.Count > 0 && ips.Count == 0)
            place[0].Invalid(GoLiteral.Of(spec.ClusterIPs), "primary clusterIP can not be unset");
        else if (before.Count > 0 && ips[0] != before[0])
            place[0].Invalid(GoLiteral.Of(ips), Once);
        if (ips.Count == 1 && before.Count == 2 && spec.IpFamilyPolicy != "SingleStack")
            field["ipFamilyPolicy"].Invalid(spec.IpFamilyPolicy, "must be set to 'SingleStack' when releasing the secondary clusterIP");
        CheckFamiliesKept(field["ipFamilies"], spec, old);
    }

    private static void CheckFamiliesKept(Field field, ServiceSpec spec, ServiceSpec old)
    {
        if (IsHeadless(spec) || IsHeadless(old))
            return;
        var (families, before) = (spec.IpFamilies.OrEmpty(), old.IpFamilies.OrEmpty());
        if (families.Count > 0 && before.Count > 0 && families[0] != before[0])
            field[0].Invalid(GoLiteral.Of(families, "core.IPFamily"), Once);
    }

    public static void Check(Field root, Endpoints endpoints)
    {
        foreach (var (index, subset) in endpoints.Subsets.OrEmpty().Index())
        {
            var place = root["subsets"][index];
            if (subset.Addresses is not { Count: > 0 } && subset.NotReadyAddresses is not { Count: > 0 })
                place.Required("must specify `addresses` or `notReadyAddresses`");
            foreach (var (position, address) in subset.Addresses.OrEmpty().Index())
                CheckAddress(place["addresses"][position], address);
            foreach (var (position, address) in subset.NotReadyAddresses.OrEmpty().Index())
                CheckAddress(place["notReadyAddresses"][position], address);
            foreach (var (position, port) in subset.Ports.OrEmpty().Index())
                CheckPort(place["ports"][position], port, subset.Ports!.Count > 1);
        }
    }

    private static void CheckAddress(Field field, EndpointAddress address)
    {
        CheckOrdinaryAddress(field["ip"], address.Ip ?? "");
        field["hostname"].NamedOrAbsent(address.Hostname, NameRules.DnsLabel);
        if (address.NodeName is { } node)
            field["nodeName"].Invalid(node, NameRules.DnsSubdomain(node));
    }

    private static void CheckPort(Field field, CoreV1.EndpointPort port, bool needsName)
    {
        if (needsName && string.IsNullOrEmpty(port.Name))
            field["name"].Required();
        field["name"].NamedOrAbsent(port.Name, NameRules.DnsLabel);
        field["port"].PortNumber(port.Port);
        field["protocol"].OneOf(port.Protocol, _protocols);
        if (port.AppProtocol is { } protocol)
            field["appProtocol"].Invalid(protocol, NameRules.QualifiedName(protocol));
    }

    private const int EndpointLimit = 1000;
    private const int PortLimit = 20000;
    private const int AddressLimit = 100;
    private const int ZoneHintLimit = 8;

    public static void Check(Field root, EndpointSlice slice)
    {
        root["addressType"].OneOf(slice.AddressType, "FQDN", "IPv4", "IPv6");
        var endpoints = slice.Endpoints.OrEmpty();
        if (endpoints.Count > EndpointLimit)
            root["endpoints"].TooMany(endpoints.Count, EndpointLimit);
        else
        {
            foreach (var (index, endpoint) in endpoints.Index())
                Check(root["endpoints"][index], endpoint, slice.AddressType);
        }
        CheckSlicePorts(root["ports"], slice.Ports.OrEmpty());
    }

    public static void CheckUpdate(Field root, EndpointSlice slice, EndpointSlice old) =>
        root["addressType"].Unchanged(slice.AddressType, old.AddressType);

    private static void Check(Field field, Endpoint endpoint, string? addressType)
    {
        var addresses = endpoint.Addresses.OrEmpty();
        if (addresses.Count == 0)
            field["addresses"].Required("must contain at least 1 address");
        else if (addresses.Count > AddressLimit)
            field["addresses"].TooMany(addresses.Count, AddressLimit);
        foreach (var (index, address) in addresses.Index())
            CheckAddress(field["addresses"][index], address, addressType);
        if (endpoint.NodeName is { } node)
            field["nodeName"].Invalid(node, NameRules.DnsSubdomain(node));
        MetadataRules.CheckLabels(field["deprecatedTopology"], endpoint.DeprecatedTopology);
        if (endpoint.Hostname is { } hostname)
            field["hostname"].Invalid(hostname, NameRules.DnsLabel(hostname));
        CheckHints(field["hints"], endpoint.Hints);
    }

    private static void CheckAddress(Field field, string address, string? addressType)
    {
        switch (addressType)
        {
            case "IPv4" or "IPv6":
                bool isIP = Addresses.TryParse(address, out var parsed);
                if (!isIP || parsed.IsIPv4 != (addressType == "IPv4"))
                    field.Invalid(address, $"must be an {addressType} address");
                if (isIP)
                    CheckOrdinaryAddress(field, address);
                break;
            case "FQDN":
                string name = address.EndsWith('.') ? address[..^1] : address;
                field.Named(name, NameRules.DnsSubdomain);
                if (name.Length > 0 && !name.Contains('.'))
                    field.Invalid(name, "should be a domain with at least two segments separated by dots");
                break;
        }
    }

    private static void CheckHints(Field field, EndpointHints? hints)
    {
        var zones = (hints?.ForZones).OrEmpty();
        if (zones.Count > ZoneHintLimit)
        {
            field["forZones"].TooMany(zones.Count, ZoneHintLimit);
            return;
        }
        var seen = new HashSet<string?>(StringComparer.Ordinal);
        foreach (var (index, zone) in zones.Index())
        {
            if (!seen.Add(zone.Name))
                field["forZones"][index]["name"].Duplicate(zone.Name ?? "");
            else
                field["forZones"][index]["name"].Invalid(zone.Name ?? "", NameRules.LabelValue(zone.Name ?? ""));
        }
    }

    private static void CheckSlicePorts(Field field, List<DiscoveryV1.EndpointPort> ports)
    {
        if (ports.Count > PortLimit)
        {
            field.TooMany(ports.Count, PortLimit);
            return;
        }
        var names = new HashSet<string?>(StringComparer.Ordinal);
        foreach (var (index, port) in ports.Index())
        {
            field[index]["name"].NamedOrAbsent(port.Name, NameRules.DnsLabel);
            if (!names.Add(port.Name))
                field[index]["name"].Duplicate(port.Name ?? "");
            field[index]["protocol"].OneOf(port.Protocol, _protocols);
            if (port.AppProtocol is { } protocol)
                field[index]["appProtocol"].Invalid(protocol, NameRules.QualifiedName(protocol));
        }
    }
}
