// SPDX-License-Identifier: Apache-2.0
declare module "cytoscape-fcose" {
  const extension: cytoscape.Ext;
  export default extension;
}
