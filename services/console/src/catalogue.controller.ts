/** The categories and their message types, as people can set them. */
import { categories, getCatalogue, publicSubtypes } from '@herald/contracts';
import { Handles } from '@herald/platform';
import { Controller } from '@nestjs/common';

const catalogue = {
  categories: categories.map(({ code, aliyunCode, names }) => ({
    code,
    aliyunCode,
    names,
    subtypes: publicSubtypes
      .filter(({ category }) => category === code)
      .map((subtype) => ({
        code: subtype.code,
        names: subtype.names,
        policy: subtype.policy,
        severity: subtype.severity,
        recommendedFor: subtype.recommendedFor,
      })),
  })),
};

@Controller()
export class CatalogueController {
  @Handles(getCatalogue)
  catalogue() {
    return catalogue;
  }
}
