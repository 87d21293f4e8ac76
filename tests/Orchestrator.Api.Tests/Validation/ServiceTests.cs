using Orchestrator.Api.Validation;

namespace Orchestrator.Api.Tests.Validation;

public sealed class ServiceTests
{
    [Theory]
    [InlineData("spec.ports=[]", "spec.ports: Required value")]
    [InlineData("spec.ports=[]; spec.clusterIP='None'; spec.clusterIPs=['None']", "")]
    [InlineData("spec.ports[0].port=0", "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive\nspec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive")]
    [InlineData("spec.ports[1]={'port':81}", "spec.ports[0].name: Required value\nspec.ports[1].name: Required value")]
    [InlineData("spec.ports=[{'name':'a','port':80},{'name':'a','port':81}]", "spec.ports[1].name: Duplicate value: \"a\"")]
    [InlineData("spec.ports=[{'name':'a','port':80},{'name':'b','port':80}]", "spec.ports[1]: Duplicate value: core.ServicePort{Name:\"\", Protocol:\"TCP\", AppProtocol:(*string)(nil), Port:80, TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:\"\"}, NodePort:0}")]
    [InlineData("spec.ports[0].protocol='ICMP'", "spec.ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"")]
    [InlineData("spec.ports[0].targetPort='HTTP'", "spec.ports[0].targetPort: Invalid value: \"HTTP\": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)\nspec.ports[0].targetPort: Invalid value: \"HTTP\": must contain at least one letter (a-z)")]
    [InlineData("spec.ports[0].nodePort=30000", "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'")]
    [InlineData("spec.type='NodePort'; spec.ports=[{'name':'a','port':80,'nodePort':30000},{'name':'b','port':81,'nodePort':30000}]", "spec.ports[1].nodePort: Duplicate value: 30000")]
    [InlineData("spec.type='Magic'", "spec.type: Unsupported value: \"Magic\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"")]
    [InlineData("spec.type='ExternalName'; spec.externalName=-", "spec.externalName: Required value")]
    [InlineData("spec.type='ExternalName'; spec.externalName='a.example.'", "")]
    [InlineData("spec.type='ExternalName'; spec.externalName='a'; spec.clusterIPs=['10.0.0.1']", "spec.clusterIPs: Forbidden: may not be set for ExternalName services")]
    [InlineData("spec.type='NodePort'; spec.clusterIP='None'; spec.clusterIPs=['None']", "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services")]
    [InlineData("spec.clusterIP='x'; spec.clusterIPs=['x']", "spec.clusterIPs[0]: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    [InlineData("spec.clusterIP='10.0.0.1'; spec.clusterIPs=['10.0.0.2']", "spec.clusterIPs: Invalid value: []string{\"10.0.0.2\"}: first value must match `clusterIP`")]
    [InlineData("spec.clusterIP='10.0.0.1'; spec.clusterIPs=['10.0.0.1','10.0.0.2']", "spec.clusterIPs: Invalid value: []string{\"10.0.0.1\", \"10.0.0.2\"}: may specify no more than one IP for each IP family")]
    [InlineData("spec.clusterIP='10.0.0.1'; spec.clusterIPs=['10.0.0.1']; spec.ipFamilies=['IPv6']", "spec.clusterIPs[0]: Invalid value: \"10.0.0.1\": expected an IPv6 value as indicated by `ipFamilies[0]`")]
    [InlineData("spec.ipFamilies=['IPv5']", "spec.ipFamilies[0]: Unsupported value: \"IPv5\": supported values: \"IPv4\", \"IPv6\"")]
    [InlineData("spec.sessionAffinity='Sticky'", "spec.sessionAffinity: Unsupported value: \"Sticky\": supported values: \"ClientIP\", \"None\"")]
    [InlineData("spec.sessionAffinity='ClientIP'; spec.sessionAffinityConfig={'clientIP':{'timeoutSeconds':0}}", "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400")]
    [InlineData("spec.externalIPs=['127.0.0.1']", "spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)")]
    [InlineData("spec.externalIPs=['0.0.0.0']", "spec.externalIPs[0]: Invalid value: \"0.0.0.0\": may not be unspecified (0.0.0.0)")]
    [InlineData("spec.externalIPs=['169.254.1.1']", "spec.externalIPs[0]: Invalid value: \"169.254.1.1\": may not be in the link-local range (169.254.0.0/16, fe80::/10)")]
    [InlineData("spec.externalTrafficPolicy='Local'", "spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for externally-accessible services")]
    [InlineData("spec.type='NodePort'; spec.externalTrafficPolicy='Far'", "spec.externalTrafficPolicy: Unsupported value: \"Far\": supported values: \"Cluster\", \"Local\"")]
    [InlineData("spec.internalTrafficPolicy='Far'", "spec.internalTrafficPolicy: Unsupported value: \"Far\": supported values: \"Cluster\", \"Local\"")]
    [InlineData("spec.healthCheckNodePort=31000", "spec.healthCheckNodePort: Invalid value: 31000: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")]
    [InlineData("spec.loadBalancerClass='a/b'", "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'")]
    [InlineData("spec.allocateLoadBalancerNodePorts=true", "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'")]
    [InlineData("spec.type='LoadBalancer'; spec.loadBalancerSourceRanges=['10.0.0.0']", "spec.LoadBalancerSourceRanges[0]: Invalid value: \"10.0.0.0\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]
    public void A_service_follows_its_rules(string changes, string expected) => Assert.Equal(expected, Examples.Faults("Service", changes));

    [Theory]
    [InlineData("spec.clusterIP='10.0.0.1'; spec.clusterIPs=['10.0.0.1']", "spec.clusterIP='10.0.0.2'; spec.clusterIPs=['10.0.0.2']", "spec.clusterIPs[0]: Invalid value: []string{\"10.0.0.2\"}: may not change once set")]
    [InlineData("spec.clusterIP='10.0.0.1'; spec.clusterIPs=['10.0.0.1']", "", "spec.clusterIPs[0]: Invalid value: []string(nil): primary clusterIP can not be unset")]
    [InlineData("spec.clusterIP='10.0.0.1'; spec.clusterIPs=['10.0.0.1','fd00::1']; spec.ipFamilyPolicy='RequireDualStack'", "spec.clusterIP='10.0.0.1'; spec.clusterIPs=['10.0.0.1']; spec.ipFamilyPolicy='RequireDualStack'", "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be set to 'SingleStack' when releasing the secondary clusterIP")]
    [InlineData("spec.clusterIP='10.0.0.1'; spec.clusterIPs=['10.0.0.1']", "spec.type='ExternalName'; spec.externalName='a'", "")]
    [InlineData("spec.type='LoadBalancer'; spec.loadBalancerClass='a/b'", "spec.type='LoadBalancer'; spec.loadBalancerClass='a/c'", "spec.loadBalancerClass: Invalid value: \"a/c\": may not change once set")]
    public void What_a_service_is_reached_by_does_not_change(string before, string after, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateUpdate(Examples.Of("Service", after), Examples.Of("Service", before))));

    [Theory]
    [InlineData("status.loadBalancer.ingress=[{'ip':'1.1.1.1','ipMode':'VIP'}]", "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'")]
    [InlineData("spec.type='LoadBalancer'; status.loadBalancer.ingress=[{'ip':'1.1.1.1'}]", "")]
    [InlineData("spec.type='LoadBalancer'; status.loadBalancer.ingress=[{'hostname':'1.1.1.1'}]", "status.loadBalancer.ingress[0].hostname: Invalid value: \"1.1.1.1\": must be a DNS name, not an IP address")]
    public void A_load_balancers_status_follows_its_rules(string changes, string expected) => Assert.Equal(
        expected, Examples.Text(Validator.ValidateStatusUpdate(Examples.Of("Service", changes), Examples.Of("Service"))));

    [Theory]
    [InlineData("Endpoints", "subsets=[{}]", "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`")]
    [InlineData("Endpoints", "subsets[0].addresses[0].ip='127.0.0.1'", "subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)")]
    [InlineData("Endpoints", "subsets[0].ports=[{'port':1},{'port':2,'name':'b'}]", "subsets[0].ports[0].name: Required value")]
    [InlineData("EndpointSlice", "addressType=-", "addressType: Required value")]
    [InlineData("EndpointSlice", "addressType='IPv6'", "endpoints[0].addresses[0]: Invalid value: \"10.0.0.1\": must be an IPv6 address")]
    [InlineData("EndpointSlice", "endpoints[0].addresses=[]", "endpoints[0].addresses: Required value: must contain at least 1 address")]
    [InlineData("EndpointSlice", "ports=[{'name':'a','port':1},{'name':'a','port':2}]", "ports[1].name: Duplicate value: \"a\"")]
    [InlineData("EndpointSlice", "endpoints[0].hints.forZones=[{'name':'z'},{'name':'z'}]", "endpoints[0].hints.forZones[1].name: Duplicate value: \"z\"")]
    public void Backends_follow_their_rules(string kind, string changes, string expected) => Assert.Equal(expected, Examples.Faults(kind, changes));

    [Theory]
    [InlineData("Ingress", "spec={}", "spec: Invalid value: []networking.IngressRule(nil): either `defaultBackend` or `rules` must be specified")]
    [InlineData("Ingress", "spec.rules[0].host='1.2.3.4'", "spec.rules[0].host: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address")]
    [InlineData("Ingress", "spec.rules[0].host='*.example.com'", "")]
    [InlineData("Ingress", "spec.rules[0].http.paths=[]", "spec.rules[0].http.paths: Required value")]
    [InlineData("Ingress", "spec.rules[0].http.paths[0].pathType=-", "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified")]
    [InlineData("Ingress", "spec.rules[0].http.paths[0].pathType='Regex'", "spec.rules[0].http.paths[0].pathType: Unsupported value: \"Regex\": supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\"")]
    [InlineData("Ingress", "spec.rules[0].http.paths[0].path='a'", "spec.rules[0].http.paths[0].path: Invalid value: \"a\": must be an absolute path")]
    [InlineData("Ingress", "spec.rules[0].http.paths[0].path='/a//b'", "spec.rules[0].http.paths[0].path: Invalid value: \"/a//b\": must not contain '//'")]
    [InlineData("Ingress", "spec.rules[0].http.paths[0].backend={}", "spec.rules[0].http.paths[0].backend: Invalid value: \"\": resource or service backend is required")]
    [InlineData("Ingress", "spec.rules[0].http.paths[0].backend.service.port={}", "spec.rules[0].http.paths[0].backend: Required value: port name or number is required")]
    [InlineData("Ingress", "spec.rules[0].http.paths[0].backend.service.port={'name':'a','number':1}", "spec.rules[0].http.paths[0].backend: Invalid value: \"\": cannot set both port name & port number")]
    [InlineData("Ingress", "metadata.annotations={'kubernetes.io/ingress.class':'a'}; spec.ingressClassName='b'", "metadata.annotations.kubernetes.io/ingress.class: Invalid value: \"a\": can not be set when the class field is also set")]
    [InlineData("IngressClass", "spec.controller='c'", "spec.controller: Invalid value: \"c\": must be a domain-prefixed path (such as \"acme.io/foo\")")]
    [InlineData("NetworkPolicy", "spec.ingress[0].from=[{}]", "spec.ingress[0].from[0]: Required value: must specify a peer")]
    [InlineData("NetworkPolicy", "spec.ingress[0].from=[{'podSelector':{},'ipBlock':{'cidr':'10.0.0.0/8'}}]", "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer")]
    [InlineData("NetworkPolicy", "spec.ingress[0].from=[{'ipBlock':{'cidr':'10.0.0.0/8','except':['11.0.0.0/9']}}]", "spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/9\": must be a strict subset of `cidr`")]
    [InlineData("NetworkPolicy", "spec.ingress[0].from=[{'ipBlock':{'cidr':'10.0.0.0/8','except':['10.1.0.0/16']}}]", "")]
    [InlineData("NetworkPolicy", "spec.ingress[0].ports=[{'port':80,'endPort':70}]", "spec.ingress[0].ports[0].endPort: Invalid value: 70: must be greater than or equal to `port`")]
    [InlineData("NetworkPolicy", "spec.ingress[0].ports=[{'endPort':70}]", "spec.ingress[0].ports[0].endPort: Invalid value: 70: may not be specified when `port` is not specified")]
    [InlineData("NetworkPolicy", "spec.policyTypes=['Sideways']", "spec.policyTypes[0]: Unsupported value: \"Sideways\": supported values: \"Egress\", \"Ingress\"")]
    public void What_leads_to_services_follows_its_rules(string kind, string changes, string expected) => Assert.Equal(expected, Examples.Faults(kind, changes));
}
