using System.Globalization;
using Orchestrator.Api;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Runtime.Kubelet.Pods;

/// <summary>The variables by which containers find services: <c>WEB_SERVICE_HOST</c> and the older <c>WEB_PORT_80_TCP_ADDR</c>.</summary>
internal static class ServiceVariables
{
    private const string MasterNamespace = "default";
    private const string MasterService = "kubernetes";

    /// <summary>The pod's namespace's services, unless it does not want them, and in any case the API server's.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> For(Pod pod, Func<string, IEnumerable<Service>> servicesOf)
    {
        var chosen = new SortedDictionary<string, Service>(StringComparer.Ordinal);
        foreach (Service service in servicesOf(MasterNamespace).Where(service => service.Name == MasterService && HasAddress(service)))
            chosen[service.Name] = service;
        if (pod.Spec.EnableServiceLinks != false)
        {
            foreach (Service service in servicesOf(pod.Namespace).Where(HasAddress))
                chosen[service.Name] = service;
        }
        return [.. chosen.Values.SelectMany(Of)];
    }

    private static bool HasAddress(Service service) => service.Spec.ClusterIP is not (null or "" or "None");

    private static IEnumerable<KeyValuePair<string, string>> Of(Service service)
    {
        string name = Upper(service.Name);
        string host = service.Spec.ClusterIP!;
        List<ServicePort> ports = [.. service.Spec.Ports.OrEmpty()];
        yield return new(name + "_SERVICE_HOST", host);
        if (ports.Count == 0)
            yield break;
        yield return new(name + "_SERVICE_PORT", Number(ports[0]));
        foreach (ServicePort port in ports.Where(port => !string.IsNullOrEmpty(port.Name)))
            yield return new($"{name}_SERVICE_PORT_{Upper(port.Name!)}", Number(port));
        yield return new(name + "_PORT", Address(host, ports[0]));
        foreach (ServicePort port in ports)
        {
            string prefix = $"{name}_PORT_{Number(port)}_{Protocol(port).ToUpperInvariant()}";
            yield return new(prefix, Address(host, port));
            yield return new(prefix + "_PROTO", Protocol(port));
            yield return new(prefix + "_PORT", Number(port));
            yield return new(prefix + "_ADDR", host);
        }
    }

    private static string Address(string host, ServicePort port) =>
        $"{Protocol(port)}://{(host.Contains(':') ? $"[{host}]" : host)}:{Number(port)}";

    private static string Protocol(ServicePort port) => (port.Protocol ?? "TCP").ToLowerInvariant();

    private static string Number(ServicePort port) => (port.Port ?? 0).ToString(CultureInfo.InvariantCulture);

    private static string Upper(string name) => name.ToUpperInvariant().Replace('-', '_');
}
