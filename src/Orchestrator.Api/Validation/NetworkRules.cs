using Orchestrator.Api.NetworkingV1;

namespace Orchestrator.Api.Validation;

/// <summary>Ingresses, their classes, and network policies.</summary>
internal static class NetworkRules
{
    private const string ClassAnnotation = "kubernetes.io/ingress.class";
    private static readonly string[] _forbiddenSequences = ["//", "/./", "/../", "%2f", "%2F"];
    private static readonly string[] _forbiddenEnds = ["/..", "/."];

    public static void Check(Field root, Ingress ingress)
    {
        var field = root["spec"];
        var spec = ingress.Spec;
        if (spec.Rules is { Count: > 0 } rules)
        {
            foreach (var (index, rule) in rules.Index())
                CheckRule(field["rules"][index], rule);
        }
        else if (spec.DefaultBackend is null)
            field.Invalid(GoLiteral.Raw("[]networking.IngressRule(nil)"), "either `defaultBackend` or `rules` must be specified");
        if (spec.DefaultBackend is { } backend)
            CheckBackend(field["defaultBackend"], backend);
        foreach (var (index, tls) in spec.Tls.OrEmpty().Index())
        {
            foreach (var (position, host) in tls.Hosts.OrEmpty().Index())
                CheckDnsName(field["tls"][index]["hosts"][position], host);
            field["tls"][index]["secretName"].NamedOrAbsent(tls.SecretName, NameRules.DnsSubdomain);
        }
        if (spec.IngressClassName is { } name)
            field["ingressClassName"].Invalid(name, NameRules.DnsSubdomain(name));
    }

    public static void CheckCreate(Field root, Ingress ingress)
    {
        if (ingress.Annotations.TryGetValue(ClassAnnotation, out string? value) && ingress.Spec.IngressClassName is not null)
            root["metadata"]["annotations"][ClassAnnotation].Invalid(value, "can not be set when the class field is also set");
    }

    public static void CheckStatusUpdate(Field root, Ingress ingress, Ingress old)
    {
        foreach (var (index, point) in (ingress.Status.LoadBalancer?.Ingress).OrEmpty().Index())
        {
            var field = root["status"]["loadBalancer"]["ingress"][index];
            field["ip"].NamedOrAbsent(point.Ip, NameRules.IpAddress);
            ServiceRules.CheckHostname(field["hostname"], point.Hostname);
        }
    }

    public static void Check(Field root, IngressClass ingressClass)
    {
        PolicyRules.CheckDomainPath(root["spec"]["controller"], ingressClass.Spec.Controller);
        if (ingressClass.Spec.Parameters is not { } parameters)
            return;
        var field = root["spec"]["parameters"];
        field["apiGroup"].NamedOrAbsent(parameters.ApiGroup, NameRules.DnsSubdomain);
        field["kind"].Named(parameters.Kind, NameRules.PathSegment);
        field["name"].Named(parameters.Name, NameRules.PathSegment);
        field["scope"].OneOf(parameters.Scope, "Cluster", "Namespace");
        if (parameters.Scope == "Namespace" && string.IsNullOrEmpty(parameters.Namespace))
            field["namespace"].Required("`parameters.scope` is set to 'Namespace'");
        if (parameters.Scope == "Cluster" && parameters.Namespace is not null)
            field["namespace"].Forbidden("`parameters.scope` is set to 'Cluster'");
    }

    public static void CheckUpdate(Field root, IngressClass ingressClass, IngressClass old) =>
        root["spec"]["controller"].Unchanged(ingressClass.Spec.Controller, old.Spec.Controller);

    public static void Check(Field root, NetworkPolicy policy)
    {
        var field = root["spec"];
        var spec = policy.Spec;
        MetadataRules.CheckSelector(field["podSelector"], spec.PodSelector);
        foreach (var (index, rule) in spec.Ingress.OrEmpty().Index())
        {
            CheckPorts(field["ingress"][index]["ports"], rule.Ports);
            CheckPeers(field["ingress"][index]["from"], rule.From);
        }
        foreach (var (index, rule) in spec.Egress.OrEmpty().Index())
        {
            CheckPorts(field["egress"][index]["ports"], rule.Ports);
            CheckPeers(field["egress"][index]["to"], rule.To);
        }
        var types = spec.PolicyTypes.OrEmpty();
        if (types.Count > 2)
            field["policyTypes"].Invalid(GoLiteral.Of(types, "networking.PolicyType"), "may not specify more than two policyTypes");
        foreach (var (index, type) in types.Index())
        {
            if (type is not ("Ingress" or "Egress"))
                field["policyTypes"][index].NotSupported(type, "Egress", "Ingress");
        }
    }

    public static void Check(Field root, ServiceCIDR range)
    {
        var ranges = range.Spec.Cidrs.OrEmpty();
        var field = root["spec"]["cidrs"];
        if (ranges.Count == 0)
            field.Required("at least one CIDR required");
        else if (ranges.Count > 2)
            field.Invalid(GoLiteral.Of(ranges), "may only hold up to 2 values");
        foreach (var (index, cidr) in ranges.Index())
        {
            field[index].Invalid(cidr, NameRules.Cidr(cidr));
            if (Addresses.TryParseCidr(cidr, out var address, out int length) && !Addresses.IsNetwork(address, length))
                field[index].Invalid(cidr, "must be in canonical form");
        }
    }

    public static void CheckUpdate(Field root, ServiceCIDR range, ServiceCIDR old)
    {
        if (!range.Spec.Cidrs.OrEmpty().SequenceEqual(old.Spec.Cidrs.OrEmpty()))
            root["spec"]["cidrs"].Invalid(GoLiteral.Of(range.Spec.Cidrs), Field.Immutable);
    }

    public static void Check(Field root, IPAddress address)
    {
        if (address.Spec.ParentRef is not { } parent)
        {
            root["spec"]["parentRef"].Required();
            return;
        }
        var field = root["spec"]["parentRef"];
        field["group"].NamedOrAbsent(parent.Group, NameRules.DnsSubdomain);
        field["resource"].Named(parent.Resource, NameRules.PathSegment);
        field["name"].Named(parent.Name, NameRules.PathSegment);
        field["namespace"].NamedOrAbsent(parent.Namespace, NameRules.PathSegment);
    }

    private static void CheckRule(Field field, IngressRule rule)
    {
        if (!string.IsNullOrEmpty(rule.Host))
        {
            if (Addresses.TryParse(rule.Host, out _))
                field["host"].Invalid(rule.Host, "must be a DNS name, not an IP address");
            CheckDnsName(field["host"], rule.Host);
        }
        if (rule.Http is not { } http)
            return;
        if (http.Paths is not { Count: > 0 })
            field["http"]["paths"].Required();
        foreach (var (index, path) in http.Paths.OrEmpty().Index())
            CheckPath(field["http"]["paths"][index], path);
    }

    private static void CheckPath(Field field, HTTPIngressPath path)
    {
        string text = path.Path ?? "";
        switch (path.PathType)
        {
            case null:
                field["pathType"].Required("pathType must be specified");
                break;
            case "Exact" or "Prefix":
                if (!text.StartsWith('/'))
                    field["path"].Invalid(text, "must be an absolute path");
                foreach (string sequence in _forbiddenSequences.Where(sequence => text.Contains(sequence, StringComparison.Ordinal)))
                    field["path"].Invalid(text, $"must not contain '{sequence}'");
                foreach (string end in _forbiddenEnds.Where(end => text.EndsWith(end, StringComparison.Ordinal)))
                    field["path"].Invalid(text, $"cannot end with '{end}'");
                break;
            case "ImplementationSpecific":
                if (text.Length > 0 && !text.StartsWith('/'))
                    field["path"].Invalid(text, "must be an absolute path");
                break;
            default:
                field["pathType"].NotSupported(path.PathType, "Exact", "ImplementationSpecific", "Prefix");
                break;
        }
        CheckBackend(field["backend"], path.Backend ?? new IngressBackend());
    }

    private static void CheckBackend(Field field, IngressBackend backend)
    {
        if (backend.Resource is not null && backend.Service is not null)
            field.Invalid("", "cannot set both resource and service backends");
        else if (backend.Resource is { } resource)
        {
            field["resource"]["apiGroup"].NamedOrAbsent(resource.ApiGroup, NameRules.DnsSubdomain);
            field["resource"]["kind"].Named(resource.Kind, NameRules.PathSegment);
            field["resource"]["name"].Named(resource.Name, NameRules.PathSegment);
        }
        else if (backend.Service is { } service)
            CheckService(field, service);
        else
            field.Invalid("", "resource or service backend is required");
    }

    private static void CheckService(Field field, IngressServiceBackend service)
    {
        field["service"]["name"].Named(service.Name, NameRules.Dns1035Label);
        bool hasName = !string.IsNullOrEmpty(service.Port?.Name);
        bool hasNumber = service.Port?.Number is not (null or 0);
        if (hasName && hasNumber)
            field.Invalid("", "cannot set both port name & port number");
        else if (hasName)
            field["service"]["port"]["name"].Invalid(service.Port!.Name, NameRules.PortName(service.Port.Name!));
        else if (hasNumber)
            field["service"]["port"]["number"].PortNumber(service.Port!.Number);
        else
            field.Required("port name or number is required");
    }

    private static void CheckDnsName(Field field, string name) => field.Invalid(name,
        name.Contains('*') ? NameRules.WildcardDnsSubdomain(name) : NameRules.DnsSubdomain(name));

    private static void CheckPorts(Field field, List<NetworkPolicyPort>? ports)
    {
        foreach (var (index, port) in ports.OrEmpty().Index())
        {
            var place = field[index];
            place["protocol"].OneOfOrAbsent(port.Protocol, "SCTP", "TCP", "UDP");
            if (port.Port is { } number)
                place["port"].Port(number);
            if (port.EndPort is not { } end)
                continue;
            if (port.Port is not { } start)
                place["endPort"].Invalid(end, "may not be specified when `port` is not specified");
            else if (!start.IsInt)
                place["endPort"].Invalid(end, "may not be specified when `port` is non-numeric");
            else
            {
                if (end < start.IntValue)
                    place["endPort"].Invalid(end, "must be greater than or equal to `port`");
                place["endPort"].PortNumber(end);
            }
        }
    }

    private static void CheckPeers(Field field, List<NetworkPolicyPeer>? peers)
    {
        foreach (var (index, peer) in peers.OrEmpty().Index())
        {
            MetadataRules.CheckSelector(field[index]["podSelector"], peer.PodSelector);
            MetadataRules.CheckSelector(field[index]["namespaceSelector"], peer.NamespaceSelector);
            bool hasSelector = peer.PodSelector is not null || peer.NamespaceSelector is not null;
            if (peer.IpBlock is { } block)
            {
                CheckBlock(field[index]["ipBlock"], block);
                if (hasSelector)
                    field[index].Forbidden("may not specify both ipBlock and another peer");
            }
            else if (!hasSelector)
                field[index].Required("must specify a peer");
        }
    }

    private static void CheckBlock(Field field, IPBlock block)
    {
        field["cidr"].Named(block.Cidr, NameRules.Cidr);
        bool isRange = Addresses.TryParseCidr(block.Cidr, out var range, out int length);
        foreach (var (index, except) in block.Except.OrEmpty().Index())
        {
            field["except"][index].Invalid(except, NameRules.Cidr(except));
            if (!isRange || !Addresses.TryParseCidr(except, out var address, out int exceptLength))
                continue;
            bool isInside = range.IsIPv4 == address.IsIPv4 && exceptLength > length
                && Addresses.Masked(range, length) == Addresses.Masked(address, length);
            if (!isInside)
                field["except"][index].Invalid(except, "must be a strict subset of `cidr`");
        }
    }
}
